import { SQLiteError } from "bun:sqlite";

/** What can be wrong with the storage directory: the meaning, and what to do. */
const faults = {
  full: ["the disk is full", "free some space; storing then resumes by itself"],
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

/** What is wrong, for callers of the API: without the directory, which they cannot fix. */
export function meaningOf(fault: StorageFault): string {
  return faults[fault][0];
}

/** Translates an error of SQLite or the file system. The original is the cause. */
export function toStorageError(error: unknown, directory: string): StorageError {
  return error instanceof StorageError ? error : new StorageError(faultOf(error), directory, { cause: error });
}

/** @param code An SQLite result code (https://www.sqlite.org/rescode.html). The low byte is the primary code. */
export function faultOfCode(code: number): StorageFault {
  return sqliteFaults.get(code & 0xff) ?? "unknown";
}

const sqliteFaults: ReadonlyMap<number, StorageFault> = new Map([
  [3, "read-only"],
  [5, "in-use"],
  [6, "in-use"],
  [8, "read-only"],
  [10, "disk"],
  [11, "broken"],
  [13, "full"],
  [14, "read-only"],
  [15, "in-use"],
  [26, "broken"],
]);

const systemFaults: ReadonlyMap<string, StorageFault> = new Map([
  ["ENOSPC", "full"],
  ["EDQUOT", "full"],
  ["EACCES", "read-only"],
  ["EPERM", "read-only"],
  ["EROFS", "read-only"],
  ["ENOENT", "no-directory"],
  ["ENOTDIR", "no-directory"],
  ["ENAMETOOLONG", "no-directory"],
  ["ELOOP", "no-directory"],
  ["EEXIST", "no-directory"],
  ["EIO", "disk"],
]);

function faultOf(error: unknown): StorageFault {
  if (error instanceof DamagedHistory) return "broken";
  if (error instanceof SQLiteError) return isOfSchema(error) ? "broken" : faultOfCode(error.errno);
  if (error instanceof Error && "code" in error) return systemFaults.get(String(error.code)) ?? "unknown";
  return "unknown";
}

/** All statements match the schema of this version, so a missing table or column means damage. */
function isOfSchema({ errno, message }: SQLiteError): boolean {
  return errno === 1 && /^no such (table|column)|^table \S+ has (no|\d+) column/.test(message);
}
