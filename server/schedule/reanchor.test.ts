import { expect, test } from "bun:test";
import { makeSchedule } from "../../tests/schedule/make-schedule.ts";
import { MovedClock } from "../lib/moved-clock.ts";
import { reanchor } from "./reanchor.ts";
import { writeOf } from "./record-text.ts";
import type { Firing } from "./schedule.ts";
import type { RecordWrite, StoredRecord } from "./schedule-store.ts";
import { NextTimes } from "./timing/next-times.ts";

const clock = new MovedClock();
const firing: Firing = {
  ...{ nominal: clock.now(), by: "me", token: 1, since: clock.now() },
  ...{ attempts: 1, remaining: null, failed: 0 },
};

/** The ids of the schedules that get other times, after the clock was set back by a day. */
async function moved(state: { readonly firing: Firing | null }): Promise<readonly string[]> {
  const schedule = makeSchedule({}, { ...state, next: clock.now() + 86_400_000 });
  const { id, record } = writeOf(schedule, 1, schedule.next);
  const pages: readonly StoredRecord[][] = [[{ id, version: 1, dueAt: schedule.next, text: record?.text ?? "" }], []];
  const writes: RecordWrite[] = [];
  const left = pages.values();
  await reanchor({
    store: {
      read: async () => ({ records: left.next().value ?? [], nextDueAt: null }),
      write: async (its) => {
        writes.push(...its);
        return [];
      },
    },
    clock,
    times: new NextTimes(),
    token: 1,
    turn: async () => undefined,
  });
  return writes.map((it) => it.id);
}

test("an interval continues after the clock was set back", async () => {
  expect(await moved({ firing: null })).toEqual(["s1"]);
});

test("an occurrence that is being retried keeps its id, so that nothing is stored twice", async () => {
  expect(await moved({ firing })).toEqual([]);
});
