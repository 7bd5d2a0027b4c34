import type { Clock } from "../lib/clock.ts";
import { Records } from "./memory/records.ts";
import { MemoryScheduleStore } from "./memory/store.ts";
import type { ScheduleStore, StoreLimits } from "./schedule-store.ts";
import { ScheduleFile } from "./sqlite/schedule-file.ts";

/** The settings that decide where schedules are kept. */
export interface ScheduleSettings extends StoreLimits {
  /** Undefined: in memory. */
  readonly dataDir: string | undefined;
}

/** The schedules of a server, in this process. */
export interface OpenedSchedules {
  readonly records: Records;
  /** Whether a restart keeps them. */
  readonly isDurable: boolean;
  /** Closes the file, if there is one. Idempotent. */
  close(): void;
}

/**
 * Opens the schedules of a server without Redis, for the process that keeps them.
 * @throws ScheduleFileError that names DATA_DIR, what is wrong with the directory, and what to do
 */
export function openSchedules(
  { dataDir, maxSchedules, scheduleBytes }: ScheduleSettings,
  clock: Clock,
): OpenedSchedules {
  const limits = { maxSchedules, scheduleBytes };
  if (dataDir === undefined) {
    const records = new Records({ limits, clock });
    return { records, isDurable: false, close: () => records.close() };
  }
  const file = new ScheduleFile(dataDir);
  const records = new Records({ limits, clock, persist: (changes, existed) => file.save(changes, existed) });
  const close = () => {
    records.close();
    file.close();
  };
  try {
    records.load(file.load());
    return { records, isDurable: true, close };
  } catch (error) {
    close();
    throw error;
  }
}

/** Opens the store of a server that is one process. @throws as `openSchedules` */
export function openScheduleStore(settings: ScheduleSettings, clock: Clock): ScheduleStore {
  const { records, isDurable, close } = openSchedules(settings, clock);
  return new MemoryScheduleStore(records, { isDurable, onClose: close });
}
