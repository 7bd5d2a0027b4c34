import { SQLiteError } from "bun:sqlite";

/** Problems of a file or directory that the server stores data in, as SQLite and the file system report them. */
export type FileFault = "full" | "read-only" | "no-directory" | "in-use" | "broken" | "disk" | "unknown";

/** Classifies an error of SQLite or the file system. */
export function fileFaultOf(error: unknown): FileFault {
  if (error instanceof SQLiteError) return isOfSchema(error) ? "broken" : fileFaultOfCode(error.errno);
  if (error instanceof Error && "code" in error) return systemFaults.get(String(error.code)) ?? "unknown";
  return "unknown";
}

/** @param code An SQLite result code (https://www.sqlite.org/rescode.html). The low byte is the primary code. */
export function fileFaultOfCode(code: number): FileFault {
  return sqliteFaults.get(code & 0xff) ?? "unknown";
}

const sqliteFaults: ReadonlyMap<number, FileFault> = new Map([
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

const systemFaults: ReadonlyMap<string, FileFault> = new Map([
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

/** All statements match the schema of this version, so a missing table or column means damage. */
function isOfSchema({ errno, message }: SQLiteError): boolean {
  return errno === 1 && /^no such (table|column)|^table \S+ has (no|\d+) column/.test(message);
}
