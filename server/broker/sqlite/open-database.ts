import { Database } from "bun:sqlite";
import { accessSync, closeSync, constants, existsSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { DamagedHistory, StorageError } from "./storage-error.ts";

/** The database file. While it is in use, SQLite keeps `history.sqlite-wal` next to it. */
export const historyFileName = "history.sqlite";

/** "FANF": distinguishes a history from other SQLite files. */
const applicationId = 0x46414e46;
/** The version of the tables. Version 1 is upgraded (upgrade.ts), and any other version is refused. */
export const schemaVersion = 2;

/**
 * SQLite copies the write-ahead log into the database when it has this many pages of 4 KiB. This is SQLite's default, set
 * explicitly because the limit on disk use depends on it. Afterwards a longer log is truncated to `walBytes`.
 */
const walPages = 1000;
const walBytes = 8 * 1024 ** 2;

/** 4 MiB. */
const leastFreePages = 1024;

const schema = `
  CREATE TABLE channels (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL, epoch TEXT NOT NULL, top INTEGER NOT NULL, dropped_until INTEGER,
    dropped_through INTEGER NOT NULL, history_size INTEGER NOT NULL, history_ttl INTEGER NOT NULL,
    history_bytes INTEGER NOT NULL, checksum INTEGER NOT NULL
  );
  CREATE TABLE publications (
    row INTEGER PRIMARY KEY, channel INTEGER NOT NULL, offset INTEGER NOT NULL, stored_at INTEGER NOT NULL,
    timestamp INTEGER NOT NULL, size INTEGER NOT NULL, body_checksum INTEGER NOT NULL, checksum INTEGER NOT NULL,
    body TEXT NOT NULL
  );
  CREATE TABLE ids (
    row INTEGER PRIMARY KEY, channel TEXT NOT NULL, id TEXT NOT NULL, epoch TEXT NOT NULL, offset INTEGER NOT NULL,
    stored_at INTEGER NOT NULL, checksum INTEGER NOT NULL
  );
  CREATE TABLE life (
    number INTEGER PRIMARY KEY, life TEXT NOT NULL, witness TEXT NOT NULL, changes INTEGER NOT NULL,
    deleted INTEGER NOT NULL, last_row INTEGER NOT NULL, saved_at INTEGER NOT NULL, saved_wall INTEGER NOT NULL,
    checksum INTEGER NOT NULL, touched_at INTEGER NOT NULL
  );
  PRAGMA application_id = ${applicationId};
  PRAGMA user_version = ${schemaVersion};
`;

/** An open history, locked by this process. */
export interface OpenDatabase {
  readonly database: Database;
  /** It was just created and is empty. */
  readonly isNew: boolean;
  /** The version of its tables. */
  readonly version: number;
}

/**
 * Opens the history of a directory for this process alone. Creates the directory and the file if they are missing.
 * @throws Error of the file system or of SQLite; StorageError if the file is not a history, or has an unknown version;
 * DamagedHistory if SQLite finds it damaged
 */
export function openDatabase(directory: string): OpenDatabase {
  mkdirSync(directory, { recursive: true, mode: 0o700 }); // messages are private to the server's user
  return openFile(join(directory, historyFileName), directory);
}

/** The same for a file of any name. @param directory is named in errors */
export function openFile(path: string, directory: string): OpenDatabase {
  // SQLite would open a file without write permission as read-only, and fail later with a less helpful error.
  if (existsSync(path)) accessSync(path, constants.W_OK);
  // SQLite gives its write-ahead log the permissions of the file.
  else closeSync(openSync(path, "a", 0o600));
  const database = new Database(path);
  try {
    // The lock lasts until the process ends. Set before the first access, it also avoids the shared-memory index.
    database.run("PRAGMA locking_mode = EXCLUSIVE");
    database.run("PRAGMA journal_mode = WAL");
    // Only FULL survives a power cut. Otherwise acknowledged offsets could be assigned again in the same epoch.
    database.run("PRAGMA synchronous = FULL");
    database.run(`PRAGMA wal_autocheckpoint = ${walPages}`);
    database.run(`PRAGMA journal_size_limit = ${walBytes}`);
    database.run("PRAGMA cell_size_check = ON"); // reading a damaged page is an error at once
    return { database, ...prepare(database, directory) };
  } catch (error) {
    database.close();
    throw error;
  }
}

function prepare(database: Database, directory: string): Pick<OpenDatabase, "isNew" | "version"> {
  // A write transaction finds problems at start-up instead of with the first message.
  database.run("BEGIN IMMEDIATE");
  const isNew =
    numberOf(database, "application_id") === 0 && numberOf(database, "user_version") === 0 && isEmpty(database);
  if (isNew) database.run(schema);
  const version = versionOf(database, directory);
  database.run("COMMIT");
  return { isNew, version };
}

/**
 * Checks the structure of the whole file, but not its contents.
 * @throws DamagedHistory with the first problem
 */
export function checkStructure(database: Database): void {
  const [finding] = findingsOf(database, 1);
  if (finding !== undefined) throw new DamagedHistory(finding);
}

/** Shrinks the file if more than half of it is free, and the free part is large enough to justify rewriting the rest. */
export function shrink(database: Database): void {
  const pages = (of: "page_count" | "freelist_count") =>
    database.query<Record<string, number>, []>(`PRAGMA ${of}`).get()?.[of] ?? 0;
  const free = pages("freelist_count");
  if (free < leastFreePages || free * 2 < pages("page_count")) return;
  try {
    database.run("VACUUM");
    database.run("PRAGMA wal_checkpoint(TRUNCATE)");
  } catch {
    // It needs disk space for a copy of the rest. If that fails, the file keeps its size and still works.
  }
}

/** The problems of the structure, in SQLite's words, at most `most`. */
export function findingsOf(database: Database, most: number): readonly string[] {
  const rows = database.query<Record<string, string>, []>(`PRAGMA quick_check(${most})`).all();
  return rows.map((row) => String(Object.values(row)[0])).filter((finding) => finding !== "ok");
}

/** The version of the tables. @throws StorageError for an unknown version or another program's file */
export function versionOf(database: Database, directory: string): number {
  if (numberOf(database, "application_id") !== applicationId) throw new StorageError("foreign", directory);
  const version = numberOf(database, "user_version");
  if (version !== schemaVersion && version !== 1) throw new StorageError("version", directory);
  return version;
}

function numberOf(database: Database, pragma: "application_id" | "user_version"): number {
  return database.query<Record<string, number>, []>(`PRAGMA ${pragma}`).get()?.[pragma] ?? 0;
}

function isEmpty(database: Database): boolean {
  return database.query("SELECT 1 FROM sqlite_schema LIMIT 1").get() === null;
}
