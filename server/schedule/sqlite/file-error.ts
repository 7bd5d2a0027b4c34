import { fileFaultOf } from "../../lib/file-fault.ts";
import { UnusableStorage } from "../../lib/unusable-storage.ts";

/** Problems of the file, and how to fix each. */
const faults = {
  full: ["the disk is full", "free some space; a running server then stores again by itself"],
  "read-only": ["it cannot be written", "make it writable for the user that the server runs as"],
  "no-directory": ["it is not a directory and cannot be created", "choose a directory that the server may create"],
  "in-use": ["another process is using it", "each server needs its own directory: stop the other one"],
  broken: [
    "its file schedules.sqlite is damaged",
    "run `fanfare data check` to see what can be saved, and `fanfare data check --repair` to continue with that",
  ],
  foreign: ["its file schedules.sqlite was not made by Fanfare", "choose another directory"],
  version: ["its file schedules.sqlite was made by a newer version of Fanfare", "start that version"],
  gone: [
    "its file schedules.sqlite was deleted or replaced while the server was running",
    "restart the server; until then no schedule is stored",
  ],
  disk: ["its disk cannot be read or written", "check the disk, and limits on the size of files"],
  unknown: ["storing failed", "see the cause"],
} as const;

export type ScheduleFileFault = keyof typeof faults;

/** The file of the schedules cannot be used. The message names the setting, the directory, what is wrong and what to do. */
export class ScheduleFileError extends UnusableStorage {
  readonly fault: ScheduleFileFault;

  constructor(fault: ScheduleFileFault, directory: string, options?: ErrorOptions) {
    const [what, wayOut] = faults[fault];
    super(`DATA_DIR ${directory}: ${what}: ${wayOut}`, options);
    this.fault = fault;
  }

  /** The problem, for callers of the API: without the directory, which they cannot fix. */
  get meaning(): string {
    return faults[this.fault][0];
  }
}

/** Translates an error of SQLite or the file system. The original is the cause. */
export function toFileError(error: unknown, directory: string): ScheduleFileError {
  return error instanceof ScheduleFileError
    ? error
    : new ScheduleFileError(fileFaultOf(error), directory, { cause: error });
}
