import { describe, expect, test } from "bun:test";
import { makeSchedule } from "../../tests/schedule/make-schedule.ts";
import { ScheduleWorld } from "../../tests/schedule/world.ts";
import { Firing } from "./firing.ts";
import { writeOf } from "./record-text.ts";
import { NextTimes } from "./timing/next-times.ts";

const start = Date.UTC(2026, 0, 1);

/** Fires one schedule with a store that takes so long to answer, and returns what was published. */
async function fireWithSlowStore(answersAfterMs: number, windowMs: number): Promise<readonly string[]> {
  const { clock } = new ScheduleWorld();
  const published: string[] = [];
  const firing = new Firing({
    store: {
      write: (writes) => {
        clock.move(answersAfterMs);
        return Promise.resolve(writes.map(() => ({ outcome: "written", version: 2 }) as const));
      },
    },
    publish: ({ id }) => {
      published.push(id);
      return Promise.resolve({ total: 1, remaining: [], failed: 0, error: null });
    },
    clock,
    times: new NextTimes(),
    idWindowMs: windowMs,
    holder: "me",
    random: () => 0.5,
  });
  const { id, record } = writeOf(makeSchedule({}, { next: start }), 1);
  await firing.fire([{ id, version: 1, dueAt: start, text: record?.text ?? "" }], 1);
  return published;
}

describe("a process that stood still after it stored that an occurrence begins", () => {
  test.each([
    [5000, 300_000, 1],
    [5001, 300_000, 0],
    [1000, 4000, 1],
    [1001, 4000, 0],
  ])("for %i ms, while ids are remembered for %i ms, publishes %i times", async (ms, windowMs, times) => {
    expect(await fireWithSlowStore(ms, windowMs)).toHaveLength(times);
  });
});
