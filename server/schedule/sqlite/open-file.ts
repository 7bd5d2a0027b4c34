import { Database } from "bun:sqlite";
import { accessSync, closeSync, constants, existsSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { ScheduleFileError } from "./file-error.ts";

/** While it is in use, SQLite keeps `schedules.sqlite-wal` next to it. */
export const scheduleFileName = "schedules.sqlite";

/** "FANS": distinguishes the file from a history and from other programs' files. */
const applicationId = 0x46414e53;
const schemaVersion = 1;

const schema = `
  CREATE TABLE schedules (
    id TEXT PRIMARY KEY, version INTEGER NOT NULL, due_at INTEGER, text TEXT NOT NULL, checksum INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE state (
    one INTEGER PRIMARY KEY CHECK (one = 1), last_version INTEGER NOT NULL, count INTEGER NOT NULL,
    checksum INTEGER NOT NULL
  );
  PRAGMA application_id = ${applicationId};
  PRAGMA user_version = ${schemaVersion};
`;

/**
 * Opens the file of a directory for this process alone. Creates both if they are missing.
 * @throws Error of the file system or of SQLite; ScheduleFileError if the file is another program's, newer, or damaged
 */
export function openScheduleFile(directory: string): Database {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, scheduleFileName);
  // SQLite would open a file without write permission as read-only, and fail with the first change.
  if (existsSync(path)) accessSync(path, constants.W_OK);
  else closeSync(openSync(path, "a", 0o600)); // messages are private to the server's user
  const database = new Database(path);
  try {
    database.run("PRAGMA locking_mode = EXCLUSIVE");
    database.run("PRAGMA journal_mode = WAL");
    // Only FULL survives a power cut: an occurrence whose end was forgotten would be published again.
    database.run("PRAGMA synchronous = FULL");
    database.run("PRAGMA cell_size_check = ON");
    database.run("BEGIN IMMEDIATE"); // finds problems at the start, and not with the first change
    if (isEmpty(database)) database.run(schema);
    checkKind(database, directory);
    database.run("COMMIT");
    const [finding] = findingsOf(database, 1);
    if (finding !== undefined) throw new ScheduleFileError("broken", directory, { cause: new Error(finding) });
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Carries out changes together, or none of them. */
export function inTransaction(database: Database, change: () => void): void {
  database.run("BEGIN IMMEDIATE");
  try {
    change();
    database.run("COMMIT");
  } catch (error) {
    if (database.inTransaction) database.run("ROLLBACK");
    throw error;
  }
}

/** @throws ScheduleFileError for another program's file or a newer version */
export function checkKind(database: Database, directory: string): void {
  if (numberOf(database, "application_id") !== applicationId) throw new ScheduleFileError("foreign", directory);
  if (numberOf(database, "user_version") !== schemaVersion) throw new ScheduleFileError("version", directory);
}

/** The problems of the structure, in SQLite's words, at most `most`. */
export function findingsOf(database: Database, most: number): readonly string[] {
  const rows = database.query<Record<string, string>, []>(`PRAGMA quick_check(${most})`).all();
  return rows.map((row) => String(Object.values(row)[0])).filter((finding) => finding !== "ok");
}

function numberOf(database: Database, pragma: "application_id" | "user_version"): number {
  return database.query<Record<string, number>, []>(`PRAGMA ${pragma}`).get()?.[pragma] ?? 0;
}

function isEmpty(database: Database): boolean {
  return database.query("SELECT 1 FROM sqlite_schema LIMIT 1").get() === null;
}
