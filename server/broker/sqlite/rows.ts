import type { HistoryRules } from "../log.ts";
import { checksumOf, checksumOfAll, checksumOfNumbers } from "./checksum.ts";

/** A channel as the file knows it: its numbering, which outlives what is kept of it. */
export interface ChannelRow extends HistoryRules {
  /** Its name in the other tables; a channel that was forgotten and came again has another. */
  readonly number: number;
  readonly name: string;
  readonly epoch: string;
  /** The last offset when this row was written; publications stored since then are later. */
  readonly top: number;
  /** As in `KeptChannel`; null: nothing was dropped yet. */
  readonly droppedUntil: number | null;
  /** The last offset that was deleted from the file: what is left of the channel begins right after it. */
  readonly droppedThrough: number;
}

/** Where a publication stands, without what it says. */
export interface PublicationPlace {
  /** Grows by one with each publication of any channel. */
  readonly row: number;
  /** The channel's number. */
  readonly channel: number;
  readonly offset: number;
  /** Milliseconds of the history's own time, which the wall clock does not move (see archive.ts). */
  readonly storedAt: number;
  /** The wall clock's time, milliseconds since 1970. */
  readonly timestamp: number;
  /** By `costOf`, or of the stored body if that is longer. */
  readonly size: number;
}

export interface PublicationRow extends PublicationPlace {
  /** See stored-body.ts. */
  readonly body: string;
}

/** An id that a publisher chose; kept apart, since it has to outlive what it was given to. */
export interface IdRow {
  /** That of its publication. */
  readonly row: number;
  readonly channel: string;
  /** As JSON, which keeps halves of surrogate pairs apart. */
  readonly id: string;
  readonly epoch: string;
  readonly offset: number;
  /** As in `PublicationPlace`. */
  readonly storedAt: number;
}

/** What is known of the file as a whole: one row. */
export interface LifeRow {
  /** A random text, drawn at each start and also kept in the witness (witness.ts). */
  readonly life: string;
  /** Which file the witness of this life is: see `Witness.identity`. */
  readonly witness: string;
  /** Transactions so far that did more than store publications. */
  readonly changes: number;
  /** Publications so far that were deleted: with `row`, how many there must be. */
  readonly deleted: number;
  /** The last row that was given to a publication when this was written. */
  readonly lastRow: number;
  /** The history's own time when this was written, and the wall clock's. */
  readonly savedAt: number;
  readonly savedWall: number;
}

/** A row, and whether it is as it was written. */
export type Audited<Row> = Row & { readonly isIntact: boolean };

/** A row as it is read. */
export interface Checked {
  readonly checksum: number;
}

export const channelColumns = `number, name, epoch, top, dropped_until AS droppedUntil, dropped_through AS droppedThrough,
  history_size AS historySize, history_ttl AS historyTtl, history_bytes AS historyBytes, checksum`;
export const placeColumns =
  "row, channel, offset, stored_at AS storedAt, timestamp, size, body_checksum AS said, checksum";
export const idColumns = "row, channel, id, epoch, offset, stored_at AS storedAt, checksum";

export function channelChecksum(it: ChannelRow): number {
  const { number, name, epoch, top, droppedUntil, droppedThrough, historySize, historyTtl, historyBytes } = it;
  const rules = [historySize, historyTtl, historyBytes] as const;
  return checksumOfAll(number, epoch, top, droppedUntil, droppedThrough, ...rules, name);
}

/** @param said the checksum of the body */
export function placeChecksum(it: PublicationPlace, said: number): number {
  return checksumOfNumbers([it.row, it.channel, it.offset, it.storedAt, it.timestamp, it.size, said]);
}

export function idChecksum(it: IdRow): number {
  return checksumOfAll(it.row, it.channel, it.epoch, it.offset, it.storedAt, it.id);
}

export function lifeChecksum(it: LifeRow): number {
  return checksumOfAll(it.life, it.witness, it.changes, it.deleted, it.lastRow, it.savedAt, it.savedWall);
}

/** Whether this is the body that the checksum was made of. */
export function isBody(body: unknown, said: number): body is string {
  return typeof body === "string" && checksumOf(body) === said;
}
