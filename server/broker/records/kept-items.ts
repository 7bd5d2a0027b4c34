import type { ChannelName } from "../../../protocol/channel-name.ts";

/** A channel, as far as its items need it to be read. */
export interface ItemsChannel {
  readonly name: ChannelName;
  readonly epoch: string;
  /** The offset of the newest item. */
  readonly top: number;
}

/** When an item was stored, and the current time. */
export interface KeptTime {
  readonly at: number;
  readonly now: number;
}

/** Metadata of an item. */
export interface StoredItem {
  readonly at: number;
  readonly cost: number;
}

/** The publications that a channel keeps, oldest first. Index 0 is the oldest. */
export interface KeptItems<T> {
  readonly length: number;
  /** The cost of all items. */
  readonly bytes: number;
  /** @param at when it was stored, milliseconds of the ledger's steady time */
  push(item: T, at: number): void;
  /** Removes the oldest item. */
  shift(): void;
  at(index: number, channel: ItemsChannel): T | undefined;
  /** When the item was stored. */
  timeAt(index: number): number;
  /** Visits items from an index on, as long as `visit` returns true. */
  each(from: number, channel: ItemsChannel, visit: (item: T, stored: StoredItem) => boolean): void;
  /** The index after the newest item that was stored before this time: times decrease where a clock was set back. */
  firstSince(time: number): number;
  /**
   * Whether the oldest item must be evicted to stay within the limits.
   * @param minTime items older than this are evicted; one of exactly this time is kept
   */
  exceeds(maxItems: number, maxBytes: number, minTime: number): boolean;
  /** Items from an index on: as many as fit into both limits; at least one, even if it is larger than `maxBytes`. */
  take(from: number, maxItems: number, maxBytes: number, channel: ItemsChannel): readonly T[];
}
