import type { Database } from "bun:sqlite";
import { mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { defaultLogLimits } from "../log-limits.ts";
import { newEpoch } from "../new-epoch.ts";
import { checkHistory } from "./check-history.ts";
import { HistoryFile } from "./history-file.ts";
import { historyFileName, openFile, schemaVersion } from "./open-database.ts";
import { openHistory } from "./open-history.ts";
import { readable } from "./readable-rows.ts";
import {
  type ChannelRow,
  type Checked,
  channelChecksum,
  channelColumns,
  type IdRow,
  idChecksum,
  idColumns,
  isBody,
  type PublicationRow,
  placeChecksum,
  placeColumns,
} from "./rows.ts";
import { toStorageError } from "./storage-error.ts";
import { Witness } from "./witness.ts";

/** The result of a repair. */
export interface Repair {
  /** The directory with the old files. Undefined if they were left in place. */
  readonly keptIn: string | undefined;
  /** How many channels and messages could be saved. */
  readonly channels: number;
  readonly messages: number;
  /** The findings of the start-up that followed. */
  readonly notes: readonly string[];
}

/**
 * Repairs a history so that a server can start with it. A damaged file is replaced by a new one with every readable row
 * whose checksum is right. Then all channels start new epochs. The old files are kept.
 * @param wall the wall clock's time, milliseconds since 1970
 * @param newEpochs begin new epochs even if nothing is damaged
 * @throws StorageError
 */
export function repairHistory(directory: string, wall: number, newEpochs: boolean): Repair {
  const { broken, damagedMessages, version } = checkHistory(directory);
  const mustReplace = broken.length > 0 || (damagedMessages > 0 && version === schemaVersion);
  const keptIn = mustReplace ? replace(directory, wall) : undefined;
  if (newEpochs) for (const { name } of Witness.find(directory)) rmSync(join(directory, name));
  try {
    const archive = openHistory(directory, defaultLogLimits, { now: wall, wall });
    const notes = archive.takeNotes();
    archive.close(wall, wall);
    const { channels, messages } = checkHistory(directory);
    return { keptIn, channels, messages, notes };
  } catch (error) {
    throw toStorageError(error, directory);
  }
}

/** @returns the directory that the old files were moved to */
function replace(directory: string, wall: number): string {
  const newPath = join(directory, "history.sqlite.new");
  for (const end of ["", "-wal"]) rmSync(`${newPath}${end}`, { force: true });
  const made = new HistoryFile(openFile(newPath, directory).database);
  const old = openOld(directory);
  try {
    made.begin();
    if (old !== undefined) salvage(old, made);
    made.commit();
  } finally {
    old?.close();
    made.close(); // this moves the write-ahead log into the file
  }
  const kept = join(directory, `damaged-${new Date(wall).toISOString().replaceAll(/[:.]/g, "-")}`);
  mkdirSync(kept, { mode: 0o700 });
  for (const name of readdirSync(directory)) {
    if (name.startsWith("history.") && !name.startsWith("history.sqlite.new"))
      renameSync(join(directory, name), join(kept, name));
  }
  renameSync(newPath, join(directory, historyFileName));
  return kept;
}

/** Undefined if SQLite cannot read it at all. */
function openOld(directory: string): Database | undefined {
  try {
    const { database, version } = openFile(join(directory, historyFileName), directory);
    if (version === schemaVersion) return database;
    database.close();
    return undefined;
  } catch (error) {
    const storageError = toStorageError(error, directory);
    if (storageError.fault === "broken") return undefined;
    throw storageError;
  }
}

/** The first and last offset of a channel in the new file. */
interface Span {
  readonly first: number;
  last: number;
}

/**
 * Copies the intact rows. All channels get new epochs, so their messages can be renumbered without holes. Ids keep the
 * positions that were acknowledged, in the old epochs.
 */
function salvage(old: Database, made: HistoryFile): void {
  const spans = new Map<number, Span>();
  let [row, latest] = [0, 0];
  for (const { bodyChecksum, checksum, ...it } of readable<
    PublicationRow & Checked & { readonly bodyChecksum: number }
  >(old, {
    table: "publications",
    key: "row",
    columns: `${placeColumns}, body`,
  })) {
    if (checksum !== placeChecksum(it, bodyChecksum) || !isBody(it.body, bodyChecksum)) continue;
    const span = spans.get(it.channel);
    const offset = span === undefined ? it.offset : span.last + 1;
    made.addPublication({ ...it, row: ++row, offset });
    if (span === undefined) spans.set(it.channel, { first: offset, last: offset });
    else span.last = offset;
    latest = Math.max(latest, it.storedAt);
  }
  salvageChannels(old, made, spans);
  const count = row;
  for (const { checksum, ...it } of readable<IdRow & Checked>(old, { table: "ids", key: "row", columns: idColumns })) {
    if (checksum !== idChecksum(it)) continue;
    made.addId({ ...it, row: ++row });
    latest = Math.max(latest, it.storedAt);
  }
  const counts = { changes: 0, deleted: row - count, lastRow: row };
  made.saveState({ runId: "repaired", witness: "", ...counts, savedAt: latest, savedWall: latest });
}

function salvageChannels(old: Database, made: HistoryFile, spans: ReadonlyMap<number, Span>): void {
  const names = new Set<string>();
  const source = { table: "channels", key: "number", columns: channelColumns };
  for (const { checksum, ...it } of readable<ChannelRow & Checked>(old, source)) {
    if (checksum !== channelChecksum(it) || names.has(it.name)) continue;
    names.add(it.name);
    const { first, last } = spans.get(it.number) ?? { first: it.top + 1, last: it.top };
    made.saveChannel({ ...it, epoch: newEpoch(), top: last, droppedThrough: first - 1 });
  }
}
