import { Database } from "bun:sqlite";
import { existsSync, mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { StoredRecord } from "../schedule-store.ts";
import { ScheduleFileError, toFileError } from "./file-error.ts";
import { checkKind, findingsOf, inTransaction, openScheduleFile, scheduleFileName } from "./open-file.ts";
import { checksumOf, recordOf, type ScheduleRow, type StateRow, stateChecksum } from "./rows.ts";

/** The result of a check. */
export interface ScheduleFileReport {
  readonly bytes: number;
  /** Intact ones. */
  readonly schedules: number;
  /** Damage of the structure. The server does not start with it. */
  readonly broken: readonly string[];
  /** Ids of damaged schedules. */
  readonly damaged: readonly string[];
  /** How many are missing. */
  readonly missing: number;
}

/**
 * Checks the schedules of a directory without changing anything; undefined if there are none.
 * @throws ScheduleFileError if the file belongs to another program, or a server is using it
 */
export function checkScheduleFile(directory: string): ScheduleFileReport | undefined {
  const path = join(directory, scheduleFileName);
  if (!existsSync(path)) return undefined;
  const bytes = statSync(path).size;
  const nothing = { bytes, schedules: 0, damaged: [], missing: 0 };
  const sideFiles = [`${path}-wal`, `${path}-shm`].filter((name) => !existsSync(name));
  try {
    const database = new Database(path, { readonly: true });
    try {
      checkKind(database, directory);
      const broken = findingsOf(database, 10).map((finding) => `schedules.sqlite: ${finding}`);
      return broken.length > 0 ? { ...nothing, broken } : { bytes, broken, ...inspect(database) };
    } finally {
      database.close();
    }
  } catch (error) {
    const fileError = toFileError(error, directory);
    if (fileError.fault !== "broken") throw fileError;
    return { ...nothing, broken: [`schedules.sqlite: ${error instanceof Error ? error.message : String(error)}`] };
  } finally {
    // Reading creates an empty write-ahead log and its index. Where nothing can be written, there are none.
    for (const name of sideFiles) if (existsSync(name)) rmSync(name, { force: true });
  }
}

/**
 * Makes a new file with every schedule that can be read.
 * @param wall the wall clock's time, milliseconds since 1970
 * @returns how many were saved, and the directory with the old file
 * @throws ScheduleFileError
 */
export function repairScheduleFile(
  directory: string,
  wall: number,
): { readonly saved: number; readonly keptIn: string } {
  const path = join(directory, scheduleFileName);
  const records = readable(path);
  const keptIn = join(directory, `damaged-schedules-${new Date(wall).toISOString().replaceAll(/[:.]/g, "-")}`);
  try {
    mkdirSync(keptIn, { mode: 0o700 });
    for (const name of [path, `${path}-wal`, `${path}-shm`]) {
      if (existsSync(name)) renameSync(name, join(keptIn, name.slice(directory.length + 1)));
    }
    const database = openScheduleFile(directory);
    const put = database.prepare("INSERT INTO schedules VALUES (?, ?, ?, ?, ?)");
    inTransaction(database, () => {
      for (const it of records) put.run(it.id, it.version, it.dueAt, it.text, checksumOf(it));
      // Larger than any version before, which cannot be known.
      database.run("INSERT INTO state VALUES (1, ?, ?, ?)", [
        wall,
        records.length,
        stateChecksum(wall, records.length),
      ]);
    });
    put.finalize();
    database.close();
    return { saved: records.length, keptIn };
  } catch (error) {
    throw toFileError(error, directory);
  }
}

function inspect(database: Database): Omit<ScheduleFileReport, "bytes" | "broken"> {
  const rows = database.query<ScheduleRow, []>("SELECT * FROM schedules").all();
  const damaged = rows.filter((row) => recordOf(row) === undefined).map(({ id }) => String(id));
  const state = database.query<StateRow, []>("SELECT last_version, count, checksum FROM state").get();
  return {
    schedules: rows.length - damaged.length,
    damaged,
    missing: Math.max(0, (state?.count ?? 0) - rows.length),
  };
}

/** The intact rows, as far as SQLite can read them. */
function readable(path: string): readonly StoredRecord[] {
  const records: StoredRecord[] = [];
  try {
    const database = new Database(path);
    try {
      for (const row of database.query<ScheduleRow, []>("SELECT * FROM schedules").iterate()) {
        const record = recordOf(row);
        if (record !== undefined) records.push(record);
      }
    } finally {
      database.close();
    }
  } catch (error) {
    // Everything after the damage is lost.
    if (error instanceof ScheduleFileError) throw error;
  }
  return records;
}
