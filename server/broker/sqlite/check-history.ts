import { Database } from "bun:sqlite";
import { existsSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { defaultLogLimits } from "../log-limits.ts";
import { expect, nothingExpected } from "./expectation.ts";
import { FiledLedger } from "./filed-ledger.ts";
import { HistoryFile } from "./history-file.ts";
import { findingsOf, historyFileName, schemaVersion, versionOf } from "./open-database.ts";
import { DamagedHistory, StorageError, toStorageError } from "./storage-error.ts";
import { Witness } from "./witness.ts";

/** What a check found in a directory. */
export interface HistoryReport {
  /** Of the tables. One of an older version is upgraded by the next start. */
  readonly version: number;
  /** On the disk, bytes: the history itself, and its write-ahead log. */
  readonly bytes: number;
  readonly walBytes: number;
  readonly channels: number;
  readonly messages: number;
  readonly ids: number;
  /** Damage of the structure: the server does not start with it. */
  readonly broken: readonly string[];
  /** Messages that are gaps, whether they stand there damaged or are missing. */
  readonly damagedMessages: number;
  /** Everything else that the next start tells, and does by itself. */
  readonly findings: readonly string[];
}

/**
 * Looks through the history of a directory and changes nothing.
 * @throws StorageError: there is none, it is not one of this program, or a server is using it
 */
export function checkHistory(directory: string): HistoryReport {
  const path = join(directory, historyFileName);
  if (!existsSync(path)) throw new StorageError("missing", directory);
  const sideFiles = [`${path}-wal`, `${path}-shm`].filter((name) => !existsSync(name));
  try {
    const database = new Database(path, { readonly: true });
    try {
      return { ...sizes(path), ...inspect(database, directory) };
    } finally {
      database.close();
    }
  } catch (error) {
    const said = toStorageError(error, directory);
    if (said.fault !== "broken") throw said;
    return { ...sizes(path), ...nothingReadable, broken: [messageOf(error)] };
  } finally {
    // Reading makes an empty write-ahead log and an index of it.
    for (const name of sideFiles) rmSync(name, { force: true });
  }
}

function inspect(database: Database, directory: string): Omit<HistoryReport, "bytes" | "walBytes"> {
  const version = versionOf(database, directory);
  const broken = findingsOf(database, 10).map((finding) => `history.sqlite: ${finding}`);
  const count = (table: string) =>
    database.query<{ rows: number }, []>(`SELECT count(*) AS rows FROM ${table}`).get()?.rows ?? 0;
  if (broken.length > 0) return { ...nothingReadable, version, broken };
  const counts = { channels: count("channels"), messages: count("publications"), ids: count("ids") };
  if (version < schemaVersion) return { version, ...counts, broken, damagedMessages: 0, findings: [] };
  return { version, ...counts, ...audit(database, directory) };
}

function audit(database: Database, directory: string): Pick<HistoryReport, "broken" | "damagedMessages" | "findings"> {
  const file = new HistoryFile(database);
  try {
    const life = file.life();
    const witnesses = Witness.find(directory);
    const expectation = life?.life === "" ? nothingExpected(life) : expect(life, witnesses);
    // Nothing is over its time here: what expires is none of a check's business.
    const { audit } = FiledLedger.load(file, unlimited, Number.NEGATIVE_INFINITY, expectation);
    const damaged = Array.from(file.damagedBodies()).length;
    const { doubt, otherFindings } = audit;
    const renewal = doubt === undefined ? [] : [`${doubt}: all channels begin new epochs at the next start`];
    return { broken: [], damagedMessages: damaged + audit.gone, findings: [...renewal, ...otherFindings] };
  } catch (error) {
    if (!(error instanceof DamagedHistory)) throw error;
    return { broken: [error.message], damagedMessages: 0, findings: [] };
  } finally {
    file.close();
  }
}

const unlimited = { ...defaultLogLimits, totalBytes: Number.POSITIVE_INFINITY };
const nothingReadable = { version: 0, channels: 0, messages: 0, ids: 0, damagedMessages: 0, findings: [] };

function sizes(path: string): Pick<HistoryReport, "bytes" | "walBytes"> {
  const sizeOf = (name: string) => statSync(name, { throwIfNoEntry: false })?.size ?? 0;
  return { bytes: sizeOf(path), walBytes: sizeOf(`${path}-wal`) };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
