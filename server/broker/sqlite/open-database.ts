import { Database } from "bun:sqlite";
import { accessSync, closeSync, constants, existsSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { DamagedHistory, StorageError } from "./storage-error.ts";

/** The file in the directory; beside it SQLite keeps `history.sqlite-wal` while it is in use. */
export const historyFileName = "history.sqlite";

/** "FANF": tells a history from other SQLite files. */
const applicationId = 0x46414e46;
/** The version of the tables. Version 1 is upgraded (upgrade.ts); any other is refused, never guessed at. */
export const schemaVersion = 2;

/**
 * The write-ahead log is copied into the file when it has so many pages of 4 KiB (SQLite's default, written down because the
 * bound on the disk rests on it), and cut to this length afterwards, if a large transaction made it longer.
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

/** An open history, held by this process alone. */
export interface OpenDatabase {
  readonly database: Database;
  /** It was made just now and holds nothing. */
  readonly isNew: boolean;
  /** Of its tables. */
  readonly version: number;
}

/**
 * Opens the history of a directory for this process alone, and makes both where they are missing.
 * @throws Error of the file system or of SQLite; StorageError for a file that is no history of a version known here;
 * DamagedHistory for one that SQLite finds damaged
 */
export function openDatabase(directory: string): OpenDatabase {
  mkdirSync(directory, { recursive: true, mode: 0o700 }); // what is said in channels is nobody else's
  return openFile(join(directory, historyFileName), directory);
}

/** The same for a file of any name. @param directory to be named in errors */
export function openFile(path: string, directory: string): OpenDatabase {
  // SQLite would open a file for reading only where it may not write, and fail later with less to say.
  if (existsSync(path)) accessSync(path, constants.W_OK);
  // SQLite gives its write-ahead log the permissions of the file.
  else closeSync(openSync(path, "a", 0o600));
  const database = new Database(path);
  try {
    // Held until the process ends, however it ends. Asked for before the first access, it also spares the shared index.
    database.run("PRAGMA locking_mode = EXCLUSIVE");
    database.run("PRAGMA journal_mode = WAL");
    // Only FULL outlives a power cut: else offsets that were acknowledged could be given again within the same epoch.
    database.run("PRAGMA synchronous = FULL");
    database.run(`PRAGMA wal_autocheckpoint = ${walPages}`);
    database.run(`PRAGMA journal_size_limit = ${walBytes}`);
    database.run("PRAGMA cell_size_check = ON"); // a damaged page is an error where it is read, not later
    return { database, ...prepare(database, directory) };
  } catch (error) {
    database.close();
    throw error;
  }
}

function prepare(database: Database, directory: string): Pick<OpenDatabase, "isNew" | "version"> {
  // A transaction that writes finds out at the start what would else be found out with the first message.
  database.run("BEGIN IMMEDIATE");
  const isNew =
    numberOf(database, "application_id") === 0 && numberOf(database, "user_version") === 0 && isEmpty(database);
  if (isNew) database.run(schema);
  const version = versionOf(database, directory);
  database.run("COMMIT");
  return { isNew, version };
}

/**
 * Looks through the whole file as SQLite does, but for its contents.
 * @throws DamagedHistory with the first thing that is wrong
 */
export function checkStructure(database: Database): void {
  const [finding] = findingsOf(database, 1);
  if (finding !== undefined) throw new DamagedHistory(finding);
}

/** Shrinks the file where more than half of it is free, and enough of it to be worth writing the rest anew. */
export function giveBack(database: Database): void {
  const pages = (of: "page_count" | "freelist_count") =>
    database.query<Record<string, number>, []>(`PRAGMA ${of}`).get()?.[of] ?? 0;
  const free = pages("freelist_count");
  if (free < leastFreePages || free * 2 < pages("page_count")) return;
  try {
    database.run("VACUUM");
    database.run("PRAGMA wal_checkpoint(TRUNCATE)");
  } catch {
    // It takes room for what is left; without it the file stays as large as it was, and works.
  }
}

/** What is wrong with the structure, as SQLite puts it; at most so many things. */
export function findingsOf(database: Database, most: number): readonly string[] {
  const rows = database.query<Record<string, string>, []>(`PRAGMA quick_check(${most})`).all();
  return rows.map((row) => String(Object.values(row)[0])).filter((said) => said !== "ok");
}

/** The version of the tables. @throws StorageError for one that is not known here, or another program's file */
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
