import type { Clock } from "../lib/clock.ts";
import { withNext } from "./plan.ts";
import { parseRecord, writeOf } from "./record-text.ts";
import type { RecordWrite, ScheduleStore, StoredRecord } from "./schedule-store.ts";
import type { NextTimes } from "./timing/next-times.ts";

/** Records per read. */
const pageSize = 500;
/** Clocks of machines differ by less. A schedule may pause this long after a clock was set back. */
const toleranceMs = 60_000;

export interface ReanchorOptions {
  readonly store: Pick<ScheduleStore, "read" | "write">;
  readonly clock: Clock;
  readonly times: NextTimes;
  readonly token: number;
  /** Lets other work run between two pages. */
  turn(): Promise<void>;
}

/**
 * Moves intervals whose next time is further away than their interval, because the clock was set back. They get a new
 * revision, so that their occurrences have new ids. A schedule by `cron` or `at` names times of the clock, and does not fire
 * for the same time twice, so it waits until the clock gets there again.
 */
export async function reanchor({ store, clock, times, token, turn }: ReanchorOptions): Promise<void> {
  let after = "";
  for (;;) {
    const { records } = await store.read({ by: "name", prefix: "", after, limit: pageSize });
    const writes = records.flatMap((record) => moved(record, clock.now(), times));
    if (writes.length > 0) await store.write(writes, token);
    const last = records.at(-1);
    if (last === undefined) return;
    after = last.id;
    await turn();
  }
}

function moved(record: StoredRecord, now: number, times: NextTimes): readonly RecordWrite[] {
  // Most records need not be parsed.
  if (record.dueAt === null || record.dueAt <= now || !record.text.includes('"kind":"every"')) return [];
  const { schedule } = parseRecord(record) ?? {};
  if (schedule === undefined || schedule.next === null) return [];
  const { timing, jitterMs } = schedule.definition;
  if (timing.kind !== "every" || schedule.firing !== null || schedule.finishedAt !== null) return [];
  if (schedule.next <= now + timing.everyMs + jitterMs + toleranceMs) return [];
  const anchored = { ...schedule, revision: schedule.revision + 1, updatedAt: Math.min(schedule.updatedAt, now) };
  const next = times.after(anchored, now);
  if (next === undefined || next >= schedule.next) return [];
  return [writeOf(withNext(anchored, next, now), record.version)];
}
