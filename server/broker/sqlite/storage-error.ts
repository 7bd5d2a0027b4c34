import { fileFaultOf } from "../../lib/file-fault.ts";

/** Problems of the storage directory, and how to fix each. */
const faults = {
  full: ["the disk is full", "free some space; a running server then stores again by itself"],
  "read-only": [
    "it cannot be written",
    "make it writable for the user that the server runs as, or choose another directory",
  ],
  "no-directory": ["it is not a directory and cannot be created", "choose a directory that the server may create"],
  "in-use": [
    "another process is using it",
    "each server needs its own directory: stop the other one, or choose another directory",
  ],
  broken: [
    "its file history.sqlite is damaged",
    "run `fanfare data check` to see what can be saved, and `fanfare data check --repair` to continue with that",
  ],
  missing: ["there is no history in it", "name the directory that the server stores in"],
  foreign: ["its file history.sqlite was not made by Fanfare", "choose another directory"],
  version: [
    "its file history.sqlite was made by a newer version of Fanfare",
    "start that version, or choose another directory",
  ],
  gone: [
    "its files were deleted or replaced while the server was running",
    "restart the server; until then nothing is stored, because it would be lost when the server stops",
  ],
  disk: ["its disk cannot be read or written", "check the disk, and limits on the size of files"],
  stalled: ["its disk does not respond", "check the disk; a running server stores again as soon as it responds"],
  unknown: ["storing failed", "see the cause"],
} as const;

export type StorageFault = keyof typeof faults;

/** The storage directory cannot be used. The message names the setting, the directory, what is wrong and what to do. */
export class StorageError extends Error {
  override readonly name = "StorageError";
  readonly fault: StorageFault;

  constructor(fault: StorageFault, directory: string, options?: ErrorOptions) {
    const [what, solution] = faults[fault];
    super(`DATA_DIR ${directory}: ${what}: ${solution}`, options);
    this.fault = fault;
  }
}

/** The file is inconsistent in a way that SQLite does not detect. */
export class DamagedHistory extends Error {
  override readonly name = "DamagedHistory";
}

/** The problem, for callers of the API: without the directory, which they cannot fix. */
export function meaningOf(fault: StorageFault): string {
  return faults[fault][0];
}

/** Translates an error of SQLite or the file system. The original is the cause. */
export function toStorageError(error: unknown, directory: string): StorageError {
  return error instanceof StorageError ? error : new StorageError(faultOf(error), directory, { cause: error });
}

function faultOf(error: unknown): StorageFault {
  return error instanceof DamagedHistory ? "broken" : fileFaultOf(error);
}
