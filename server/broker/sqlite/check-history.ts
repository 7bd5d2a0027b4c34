import { Database } from "bun:sqlite";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileAt } from "../../lib/file-at.ts";
import { defaultLogLimits } from "../log-limits.ts";
import { expect, nothingExpected } from "./expectation.ts";
import { HistoryFile } from "./history-file.ts";
import { findingsOf, historyFileName, schemaVersion, versionOf } from "./open-database.ts";
import { DamagedHistory, StorageError, toStorageError } from "./storage-error.ts";
import { StoredLedger } from "./stored-ledger.ts";
import { Witness } from "./witness.ts";

/** The result of a check. */
export interface HistoryReport {
  /** The version of the tables. The next start upgrades an older one. */
  readonly version: number;
  /** Bytes on disk: the database and its write-ahead log. */
  readonly bytes: number;
  readonly walBytes: number;
  readonly channels: number;
  readonly messages: number;
  readonly ids: number;
  /** Structural damage. The server does not start with it. */
  readonly broken: readonly string[];
  /** Messages that are damaged or missing, and so appear as gaps. */
  readonly damagedMessages: number;
  /** Other findings, which the next start logs and repairs. */
  readonly findings: readonly string[];
}

/**
 * Checks the history of a directory without changing anything.
 * @throws StorageError if there is none, it belongs to another program, or a server is using it
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
    const storageError = toStorageError(error, directory);
    if (storageError.fault !== "broken") throw storageError;
    return { ...sizes(path), ...nothingReadable, broken: [messageOf(error)] };
  } finally {
    // Reading creates an empty write-ahead log and its index. Where nothing can be written, there are none.
    for (const name of sideFiles) if (existsSync(name)) rmSync(name, { force: true });
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
    const state = file.state();
    const witnesses = Witness.find(directory);
    const expectation = state?.runId === "" ? nothingExpected(state) : expect(state, witnesses);
    // At this time nothing has expired, so the check covers all publications.
    const { audit } = StoredLedger.load(file, unlimited, Number.NEGATIVE_INFINITY, expectation);
    const damaged = Array.from(file.damagedBodies()).length;
    const { doubt, otherFindings } = audit;
    const renewal = doubt === undefined ? [] : [`${doubt}: all channels start new epochs at the next start`];
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
  const sizeOf = (name: string) => fileAt(name)?.size ?? 0;
  return { bytes: sizeOf(path), walBytes: sizeOf(`${path}-wal`) };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
