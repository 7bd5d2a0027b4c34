import type { Clock } from "../lib/clock.ts";
import { Records } from "./memory/records.ts";
import { MemoryScheduleStore } from "./memory/store.ts";
import type { ScheduleStore, StoreLimits } from "./schedule-store.ts";

/** Opens the store of a server that is one process. */
export function openScheduleStore({ maxSchedules, scheduleBytes }: StoreLimits, clock: Clock): ScheduleStore {
  const records = new Records({ limits: { maxSchedules, scheduleBytes }, clock });
  return new MemoryScheduleStore(records, { isDurable: false, onClose: () => records.close() });
}
