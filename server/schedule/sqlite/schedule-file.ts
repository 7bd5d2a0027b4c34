import type { Database, Statement } from "bun:sqlite";
import { join } from "node:path";
import { getLogger } from "@logtape/logtape";
import { fileAt } from "../../lib/file-at.ts";
import type { Change, RecordsDump } from "../memory/records.ts";
import { schedulesUnavailable } from "../unavailable.ts";
import { ScheduleFileError, toFileError } from "./file-error.ts";
import { inTransaction, openScheduleFile, scheduleFileName } from "./open-file.ts";
import { checksumOf, recordOf, type ScheduleRow, type StateRow, stateChecksum } from "./rows.ts";

/** The history of the same server. It is opened after the schedules, so at the first start it is not there yet. */
const historyFileName = "history.sqlite";

/**
 * The schedules of one server on disk. Records are read once, at the start, and each change is committed before it is
 * answered.
 */
export class ScheduleFile {
  readonly #directory: string;
  readonly #database: Database;
  readonly #put: Statement;
  readonly #delete: Statement;
  readonly #saveState: Statement;
  readonly #inode: number | undefined;
  /** The server has stored in this directory before, but there was no file, or an empty one. */
  readonly #wasMissing: boolean;
  /** Ids of damaged rows. Nobody else knows of them, but they are counted until they are written again. */
  readonly #damaged = new Set<string>();
  #count = 0;
  #lastVersion = 0;
  /** The last fault that was logged, until a change is stored. */
  #complaint: string | undefined;

  /** @throws ScheduleFileError */
  constructor(directory: string) {
    this.#directory = directory;
    try {
      this.#wasMissing = !hasBytes(directory, scheduleFileName) && hasBytes(directory, historyFileName);
      this.#database = openScheduleFile(directory);
      this.#put = this.#database.prepare("INSERT OR REPLACE INTO schedules VALUES (?, ?, ?, ?, ?)");
      this.#delete = this.#database.prepare("DELETE FROM schedules WHERE id = ?");
      this.#saveState = this.#database.prepare("INSERT OR REPLACE INTO state VALUES (1, ?, ?, ?)");
      this.#inode = this.#currentInode();
    } catch (error) {
      throw toFileError(error, directory);
    }
  }

  /** Everything that is intact. Damaged rows are logged, and stay in the file. @throws ScheduleFileError */
  load(): RecordsDump {
    try {
      const rows = this.#database.query<ScheduleRow, []>("SELECT * FROM schedules").all();
      const records = rows.map(recordOf).filter((it) => it !== undefined);
      for (const { id } of rows.filter((row) => recordOf(row) === undefined)) {
        this.#damaged.add(id);
        logDamage(String(id));
      }
      const state = this.#database.query<StateRow, []>("SELECT last_version, count, checksum FROM state").get();
      const isSound =
        state === null ? rows.length === 0 : state.checksum === stateChecksum(state.last_version, state.count);
      if (this.#wasMissing) logMissing();
      if (!isSound) logUncounted();
      if (state !== null && isSound && state.count > rows.length) logLost(state.count - rows.length);
      this.#count = rows.length;
      // Without a sound state, a version is chosen that was never used: versions are counted, and this is the time.
      this.#lastVersion = isSound ? (state?.last_version ?? 0) : Date.now();
      // Tokens are not stored. They are counted, so the time is larger than any before: workers may outlive the supervisor.
      return { records, lastVersion: this.#lastVersion, lastToken: Date.now() };
    } catch (error) {
      throw toFileError(error, this.#directory);
    }
  }

  /** Stores changes in one transaction. @throws ServiceError "broker-unavailable" if they are not stored */
  save(changes: readonly Change[], existed: (id: string) => boolean): void {
    try {
      if (this.#currentInode() !== this.#inode) throw new ScheduleFileError("gone", this.#directory);
      let [count, lastVersion] = [this.#count, this.#lastVersion];
      inTransaction(this.#database, () => {
        for (const [id, record] of changes) {
          if (record === undefined) this.#delete.run(id);
          else this.#put.run(id, record.version, record.dueAt, record.text, checksumOf(record));
          count += Number(record !== undefined) - Number(existed(id) || this.#damaged.has(id));
          lastVersion = Math.max(lastVersion, record?.version ?? 0);
        }
        this.#saveState.run(lastVersion, count, stateChecksum(lastVersion, count));
      });
      [this.#count, this.#lastVersion, this.#complaint] = [count, lastVersion, undefined];
      for (const [id] of changes) this.#damaged.delete(id);
    } catch (cause) {
      const error = toFileError(cause, this.#directory);
      if (this.#complaint !== error.message)
        log().error("Schedules cannot be stored: {error}", { error: error.message });
      this.#complaint = error.message;
      throw schedulesUnavailable(error.meaning, error);
    }
  }

  /** Idempotent. */
  close(): void {
    // A statement that is not finalized keeps the file locked.
    for (const statement of [this.#put, this.#delete, this.#saveState]) statement.finalize();
    this.#database.close();
  }

  #currentInode(): number | undefined {
    return fileAt(join(this.#directory, scheduleFileName))?.ino;
  }
}

function logDamage(id: string): void {
  log().error(
    "The schedule {id} in schedules.sqlite is damaged and does not fire. Create it again, or remove it with " +
      "`fanfare data check --repair`",
    { id },
  );
}

/** A deleted file looks like the first start, except that the other file exists. */
function logMissing(): void {
  log().warn(
    "schedules.sqlite was missing or empty, although this server has stored in DATA_DIR before. " +
      "If there were schedules, create them again",
  );
}

function logUncounted(): void {
  log().warn(
    "The number of schedules in schedules.sqlite is damaged or missing, so it is not known whether all are there",
  );
}

function logLost(count: number): void {
  log().error("{count} schedule(s) are missing in schedules.sqlite. Create them again", { count });
}

function hasBytes(directory: string, name: string): boolean {
  return (fileAt(join(directory, name))?.size ?? 0) > 0;
}

function log() {
  return getLogger(["fanfare", "schedule"]);
}
