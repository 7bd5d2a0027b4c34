import type { HistoryRules } from "../log.ts";
import { checksumOf, checksumOfAll, checksumOfNumbers } from "./checksum.ts";

/** A channel in the file: its numbering, which outlives its publications. */
export interface ChannelRow extends HistoryRules {
  /** Identifies the channel in the other tables. A channel that is forgotten and used again gets a new number. */
  readonly number: number;
  readonly name: string;
  readonly epoch: string;
  /** The last offset when this row was written. Publications stored since then have higher ones. */
  readonly top: number;
  /** As in `KeptChannel`. Null if nothing was dropped yet. */
  readonly droppedUntil: number | null;
  /** The last offset that was deleted from the file. The remaining publications begin right after it. */
  readonly droppedThrough: number;
}

/** The place of a publication, without its body. */
export interface PublicationPlace {
  /** Grows by one with each publication of any channel. */
  readonly row: number;
  /** The channel's number. */
  readonly channel: number;
  readonly offset: number;
  /** Milliseconds in history time, which does not follow changes of the wall clock (see archive.ts). */
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

/** An id chosen by a publisher. It has its own table because it must outlive its publication. */
export interface IdRow {
  /** The row of its publication. */
  readonly row: number;
  readonly channel: string;
  /** As JSON, which preserves lone surrogates. */
  readonly id: string;
  readonly epoch: string;
  readonly offset: number;
  /** As in `PublicationPlace`. */
  readonly storedAt: number;
}

/** The state of the file as a whole. The table `life` has this one row. */
export interface StateRow {
  /** A random text, chosen at each start and also written to the witness (witness.ts). */
  readonly runId: string;
  /** Identifies the witness file of this run: see `Witness.identity`. */
  readonly witness: string;
  /** How many transactions did more than store publications. */
  readonly changes: number;
  /** How many publications were ever deleted. Together with `lastRow` this gives how many must remain. */
  readonly deleted: number;
  /** The last row of a publication when this was written. */
  readonly lastRow: number;
  /** History time and wall clock time when this was written. */
  readonly savedAt: number;
  readonly savedWall: number;
}

/** A row, and whether its checksum is right. */
export type Audited<Row> = Row & { readonly isIntact: boolean };

/** A row as read, with its checksum. */
export interface Checked {
  readonly checksum: number;
}

export const channelColumns = `number, name, epoch, top, dropped_until AS droppedUntil, dropped_through AS droppedThrough,
  history_size AS historySize, history_ttl AS historyTtl, history_bytes AS historyBytes, checksum`;
export const placeColumns =
  "row, channel, offset, stored_at AS storedAt, timestamp, size, body_checksum AS bodyChecksum, checksum";
export const idColumns = "row, channel, id, epoch, offset, stored_at AS storedAt, checksum";

export function channelChecksum(it: ChannelRow): number {
  const { number, name, epoch, top, droppedUntil, droppedThrough, historySize, historyTtl, historyBytes } = it;
  const rules = [historySize, historyTtl, historyBytes] as const;
  return checksumOfAll(number, epoch, top, droppedUntil, droppedThrough, ...rules, name);
}

/** @param bodyChecksum the checksum of the stored body */
export function placeChecksum(it: PublicationPlace, bodyChecksum: number): number {
  return checksumOfNumbers([it.row, it.channel, it.offset, it.storedAt, it.timestamp, it.size, bodyChecksum]);
}

export function idChecksum(it: IdRow): number {
  return checksumOfAll(it.row, it.channel, it.epoch, it.offset, it.storedAt, it.id);
}

export function stateChecksum(it: StateRow): number {
  return checksumOfAll(it.runId, it.witness, it.changes, it.deleted, it.lastRow, it.savedAt, it.savedWall);
}

/** Whether the checksum is that of the body. */
export function isBody(body: unknown, bodyChecksum: number): body is string {
  return typeof body === "string" && checksumOf(body) === bodyChecksum;
}
