import type { Definition, Schedule } from "../../server/schedule/schedule.ts";

const usual: Definition = {
  publish: '{"channel":"all","message":"hi"}',
  timing: { kind: "every", everyMs: 10_000 },
  jitterMs: 0,
  maxRuns: null,
  startsAt: null,
  endsAt: null,
  catchUp: "last",
  catchUpWindowMs: 3_600_000,
};

/** A definition that differs from a usual one. */
export function makeDefinition(definition: Partial<Definition> = {}): Definition {
  return { ...usual, ...definition };
}

/** A schedule with this definition, as it is before its first occurrence. */
export function makeSchedule(definition: Partial<Definition> = {}, state: Partial<Schedule> = {}): Schedule {
  const updatedAt = state.updatedAt ?? Date.UTC(2026, 0, 1);
  return {
    id: "s1",
    life: "abc",
    revision: 1,
    origin: "api",
    definition: makeDefinition(definition),
    createdAt: updatedAt,
    updatedAt,
    isPaused: false,
    runs: 0,
    next: null,
    firing: null,
    last: null,
    finishedAt: null,
    ...state,
  };
}
