import type { ChannelName } from "../../../protocol/channel-name.ts";
import type { GapReason } from "../../../protocol/frames.ts";
import type { Position, Since } from "../../../protocol/position.ts";
import { Ring, type RingMeasure } from "../../lib/ring.ts";
import type { HistoryRules, PageBounds } from "../log.ts";
import type { KeptItems } from "../records/kept-items.ts";
import type { Owner } from "./owner.ts";
import type { Used } from "./use-order.ts";

/** A page of a channel's history, oldest first. */
export interface Stretch<T> {
  readonly top: Position;
  readonly items: readonly T[];
  readonly gap: GapReason | undefined;
}

/**
 * One channel: its numbering, and the items kept of its publications.
 *
 * Invariant: the kept items are contiguous and end at `top`. So an item's offset follows from its index.
 */
export class KeptChannel<T> implements Used<KeptChannel<T>> {
  readonly name: ChannelName;
  /** Changes only if the numbering went back. */
  epoch: string;
  /** The last offset that was assigned. */
  top: number;
  /** Those of the last publication. */
  rules: HistoryRules = keepNothing;
  /** When the newest dropped item was stored, milliseconds since 1970. */
  droppedUntil = Number.NEGATIVE_INFINITY;
  /** Those of a channel without any are shared: see KeptChannels. */
  kept: KeptItems<T>;
  /** The owner that created it. */
  readonly creator: Owner<KeptChannel<T>>;
  /** The publishers of the kept items, oldest first. Undefined while all are the creator's. */
  #runs: Ring<Run<T>> | undefined;
  usedAt = 0;
  /** When a listener last asked for its top. */
  listenedAt = Number.NEGATIVE_INFINITY;
  older: KeptChannel<T> | undefined;
  newer: KeptChannel<T> | undefined;

  constructor(name: ChannelName, start: Position, creator: Owner<KeptChannel<T>>, kept: KeptItems<T>) {
    this.name = name;
    this.creator = creator;
    this.epoch = start.epoch;
    this.top = start.offset;
    this.kept = kept;
  }

  get position(): Position {
    return { epoch: this.epoch, offset: this.top };
  }

  /** Whether the oldest publication must be evicted by the channel's own rules. */
  exceeds(now: number): boolean {
    const { historySize, historyBytes, historyTtl } = this.rules;
    return this.kept.exceeds(historySize, historyBytes, now - historyTtl);
  }

  /** Adds the newest publication. @param at when it was stored @returns its cost */
  keep(item: T, owner: Owner<KeptChannel<T>>, at: number): number {
    const before = this.kept.bytes;
    if (this.#runs !== undefined || owner !== this.creator) this.#noteOwner(owner);
    this.kept.push(item, at);
    return this.kept.bytes - before;
  }

  /** The owner of the oldest publication. */
  get oldestOwner(): Owner<KeptChannel<T>> {
    return this.#runs?.at(0)?.owner ?? this.creator;
  }

  /** Evicts the oldest publication. */
  drop(): void {
    this.droppedUntil = Math.max(this.droppedUntil, this.kept.timeAt(0));
    this.kept.shift();
    this.#forgetOldestOwner();
  }

  /** The publications after `since`, within the limits of a page. */
  after(since: Since, { limit, maxBytes }: PageBounds, now: number): Stretch<T> {
    const { from, gap } = this.#begin(since, now);
    return { top: this.position, items: this.kept.take(from, limit, maxBytes, this), gap };
  }

  #noteOwner(owner: Owner<KeptChannel<T>>): void {
    const runs = this.#runs ?? new Ring<Run<T>>(runMeasure);
    if (this.#runs === undefined && this.kept.length > 0) runs.push({ owner: this.creator, count: this.kept.length });
    this.#runs = runs;
    const last = runs.at(runs.length - 1);
    if (last?.owner === owner) last.count++;
    else runs.push({ owner, count: 1 });
  }

  #forgetOldestOwner(): void {
    const first = this.#runs?.at(0);
    if (first === undefined || --first.count > 0) return;
    this.#runs?.shift();
    if (this.#runs?.length === 0) this.#runs = undefined;
  }

  #begin(since: Since, now: number): Begin {
    switch (since.from) {
      case "position":
        return this.#beginAfter(since.position);
      case "earliest":
        return { from: 0, gap: undefined };
      case "age":
        return this.#beginAt(now - since.ms);
      case "last":
        return this.#beginLast(since.count);
    }
  }

  #beginAfter({ epoch, offset }: Position): Begin {
    // Beyond the top: offsets that were never assigned in this epoch.
    if (epoch !== this.epoch || offset > this.top) return { from: 0, gap: "epoch-changed" };
    const from = offset - (this.top - this.kept.length);
    return from < 0 ? { from: 0, gap: tooShort } : { from, gap: undefined };
  }

  #beginAt(time: number): Begin {
    return { from: this.kept.firstSince(time), gap: this.droppedUntil >= time ? tooShort : undefined };
  }

  #beginLast(count: number): Begin {
    const gap = this.kept.length < Math.min(count, this.top) ? tooShort : undefined;
    return { from: Math.max(0, this.kept.length - count), gap };
  }
}

/** Consecutive publications of one owner. */
interface Run<T> {
  readonly owner: Owner<KeptChannel<T>>;
  count: number;
}

/** Only their order matters. */
const runMeasure: RingMeasure<unknown> = { bytesOf: () => 0, timeOf: () => 0 };

interface Begin {
  /** An index into the kept items. */
  readonly from: number;
  readonly gap: GapReason | undefined;
}

const tooShort = "history-too-short";
const keepNothing: HistoryRules = { historySize: 0, historyTtl: 0, historyBytes: 0 };
