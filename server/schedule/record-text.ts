import type { Schedule } from "./schedule.ts";
import { finishedMs } from "./schedule.ts";
import type { RecordWrite, StoredRecord } from "./schedule-store.ts";
import { jitterOf } from "./timing/next-times.ts";

/** A schedule and the version of its record. */
export interface Versioned {
  readonly schedule: Schedule;
  readonly version: number;
}

/** Undefined for a record that another program wrote. */
export function parseRecord({ text, version }: StoredRecord): Versioned | undefined {
  try {
    const schedule: unknown = JSON.parse(text);
    if (typeof schedule !== "object" || schedule === null || !("definition" in schedule)) return undefined;
    return { schedule: schedule as Schedule, version }; // written by this program
  } catch {
    return undefined;
  }
}

/** The write that stores a schedule. @param dueAt when a scheduler must read it, if that is not when it fires next */
export function writeOf(schedule: Schedule, expected: number, dueAt: number | null = dueAtOf(schedule)): RecordWrite {
  return { id: schedule.id, expected, record: { dueAt, text: JSON.stringify(schedule) } };
}

/** When a scheduler must read a schedule: to fire it, or to remove it some time after its end. */
export function dueAtOf(schedule: Schedule): number | null {
  const { firing, finishedAt, isPaused, next, origin } = schedule;
  if (firing !== null) return firing.nominal;
  // A schedule of the settings file would be made again at the next start, and fire again.
  if (finishedAt !== null) return origin === "api" ? finishedAt + finishedMs : null;
  return isPaused || next === null ? null : next + jitterOf(schedule, next);
}
