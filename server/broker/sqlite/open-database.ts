import { Database } from "bun:sqlite";
import { accessSync, constants, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { StorageError } from "./storage-error.ts";

/** The file in the directory; beside it SQLite keeps `history.sqlite-wal` while it is in use. */
export const historyFileName = "history.sqlite";

/** "FANF": tells a history from other SQLite files. */
const applicationId = 0x46414e46;
/** The version of the tables. Another one is refused, never guessed at. */
const schemaVersion = 1;

const schema = `
  CREATE TABLE channels (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL, epoch TEXT NOT NULL, top INTEGER NOT NULL, dropped_until INTEGER,
    history_size INTEGER NOT NULL, history_ttl INTEGER NOT NULL, history_bytes INTEGER NOT NULL
  );
  CREATE TABLE publications (
    row INTEGER PRIMARY KEY, channel INTEGER NOT NULL, offset INTEGER NOT NULL, stored_at INTEGER NOT NULL,
    size INTEGER NOT NULL, body TEXT NOT NULL
  );
  CREATE TABLE ids (
    row INTEGER PRIMARY KEY, channel TEXT NOT NULL, id TEXT NOT NULL, epoch TEXT NOT NULL, offset INTEGER NOT NULL,
    stored_at INTEGER NOT NULL
  );
  CREATE TABLE life (touched_at INTEGER NOT NULL);
  INSERT INTO life VALUES (0);
  PRAGMA application_id = ${applicationId};
  PRAGMA user_version = ${schemaVersion};
`;

/**
 * Opens the history of a directory for this process alone, and makes both where they are missing.
 * @throws Error of the file system or of SQLite; StorageError for a file that is no history of this version.
 */
export function openDatabase(directory: string): Database {
  mkdirSync(directory, { recursive: true, mode: 0o700 }); // what is said in channels is nobody else's
  const path = join(directory, historyFileName);
  // SQLite would open a file for reading only where it may not write, and fail later with less to say.
  if (existsSync(path)) accessSync(path, constants.W_OK);
  const database = new Database(path);
  try {
    // Held until the process ends, however it ends. Asked for before the first access, it also spares the shared index.
    database.run("PRAGMA locking_mode = EXCLUSIVE");
    database.run("PRAGMA journal_mode = WAL");
    // Only FULL outlives a power cut: else offsets that were acknowledged could be given again within the same epoch.
    database.run("PRAGMA synchronous = FULL");
    database.run(`PRAGMA journal_size_limit = ${64 * 1024 ** 2}`);
    prepare(database, directory);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function prepare(database: Database, directory: string): void {
  // A transaction that writes finds out at the start what would else be found out with the first message.
  database.run("BEGIN IMMEDIATE");
  const id = numberOf(database, "application_id");
  const version = numberOf(database, "user_version");
  if (id === 0 && version === 0 && isEmpty(database)) database.run(schema);
  else if (id !== applicationId) throw new StorageError("foreign", directory);
  else if (version !== schemaVersion) throw new StorageError("version", directory);
  else database.run("UPDATE life SET touched_at = touched_at + 1");
  database.run("COMMIT");
}

function numberOf(database: Database, pragma: "application_id" | "user_version"): number {
  return database.query<Record<string, number>, []>(`PRAGMA ${pragma}`).get()?.[pragma] ?? 0;
}

function isEmpty(database: Database): boolean {
  return database.query("SELECT 1 FROM sqlite_schema LIMIT 1").get() === null;
}
