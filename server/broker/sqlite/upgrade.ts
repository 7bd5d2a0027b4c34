import type { Database } from "bun:sqlite";
import { closeSync, fsyncSync, openSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { HistoryFile } from "./history-file.ts";
import { historyFileName, openFile } from "./open-database.ts";

/** The new file while it is written. An interrupted upgrade leaves it behind, and the next one replaces it. */
const newFileName = "history.sqlite.new";

/**
 * Replaces a file of version 1, which had no checksums, by one of the current version. After an interruption at any point
 * either the old file or the new one is in place.
 * @param old is closed
 */
export function upgrade(old: Database, directory: string): void {
  const path = join(directory, historyFileName);
  const newPath = join(directory, newFileName);
  for (const end of ["", "-wal", "-journal"]) rmSync(`${newPath}${end}`, { force: true });
  try {
    copy(old, newPath, directory);
    old.run("PRAGMA wal_checkpoint(TRUNCATE)");
  } finally {
    old.close(); // this also removes its write-ahead log, which must not be applied to the new file
  }
  renameSync(newPath, path);
}

function copy(old: Database, path: string, directory: string): void {
  const { database } = openFile(path, directory);
  database.run("PRAGMA synchronous = OFF"); // the file is used only once it is complete, and fsync follows below
  const file = new HistoryFile(database);
  try {
    file.begin();
    copyRows(old, file);
    file.commit();
    database.run("PRAGMA wal_checkpoint(TRUNCATE)");
  } finally {
    file.close();
  }
  const descriptor = openSync(path, "r+");
  fsyncSync(descriptor);
  closeSync(descriptor);
}

interface OldChannel {
  readonly number: number;
  readonly name: string;
  readonly epoch: string;
  readonly top: number;
  readonly until: number | null;
  readonly size: number;
  readonly ttl: number;
  readonly bytes: number;
}

interface OldPlace {
  readonly row: number;
  readonly channel: number;
  readonly offset: number;
  readonly at: number;
  readonly size: number;
  readonly body: string;
}

function copyRows(old: Database, file: HistoryFile): void {
  const spans = new Map<number, { first: number; last: number }>();
  const counts = { rows: 0, lastRow: 0, lastAt: 0 };
  for (const { row, channel, offset, at, size, body } of old
    .query<OldPlace, []>("SELECT row, channel, offset, stored_at AS at, size, body FROM publications ORDER BY row")
    .iterate()) {
    file.addPublication({ row, channel, offset, storedAt: at, timestamp: at, size, body });
    const span = spans.get(channel);
    if (span === undefined) spans.set(channel, { first: offset, last: offset });
    else span.last = offset;
    counts.rows++;
    counts.lastRow = row;
    counts.lastAt = Math.max(counts.lastAt, at);
  }
  for (const it of old
    .query<OldChannel, []>(
      `SELECT number, name, epoch, top, dropped_until AS until, history_size AS size, history_ttl AS ttl,
        history_bytes AS bytes FROM channels`,
    )
    .iterate()) {
    const { number, name, epoch, top, until, size, ttl, bytes } = it;
    const span = spans.get(number);
    const reach = {
      top: Math.max(top, span?.last ?? 0),
      droppedUntil: until,
      droppedThrough: (span?.first ?? top + 1) - 1,
    };
    file.saveChannel({ number, name, epoch, ...reach, historySize: size, historyTtl: ttl, historyBytes: bytes });
  }
  for (const { row, at, ...id } of old
    .query<{ row: number; channel: string; id: string; epoch: string; offset: number; at: number }, []>(
      "SELECT row, channel, id, epoch, offset, stored_at AS at FROM ids ORDER BY row",
    )
    .iterate()) {
    file.addId({ row, ...id, storedAt: at });
    counts.lastRow = Math.max(counts.lastRow, row);
    counts.lastAt = Math.max(counts.lastAt, at);
  }
  const { rows, lastRow, lastAt } = counts;
  // Version 1 stored wall clock times, so history time begins with them.
  const times = { savedAt: lastAt, savedWall: lastAt };
  file.saveState({ runId: "", witness: "", changes: 0, deleted: lastRow - rows, lastRow, ...times });
}
