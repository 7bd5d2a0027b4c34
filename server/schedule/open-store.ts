import type { Clock } from "../lib/clock.ts";
import { Records } from "./memory/records.ts";
import { MemoryScheduleStore } from "./memory/store.ts";
import type { ScheduleStore, StoreLimits } from "./schedule-store.ts";

/** The schedules of a server, in this process. */
export interface OpenedSchedules {
  readonly records: Records;
  /** Whether a restart keeps them. */
  readonly isDurable: boolean;
}

/** Opens the schedules of a server without Redis, for the process that keeps them. */
export function openSchedules({ maxSchedules, scheduleBytes }: StoreLimits, clock: Clock): OpenedSchedules {
  return { records: new Records({ limits: { maxSchedules, scheduleBytes }, clock }), isDurable: false };
}

/** Opens the store of a server that is one process. */
export function openScheduleStore(limits: StoreLimits, clock: Clock): ScheduleStore {
  const { records, isDurable } = openSchedules(limits, clock);
  return new MemoryScheduleStore(records, { isDurable, onClose: () => records.close() });
}
