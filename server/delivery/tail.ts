import type { Position } from "../../protocol/position.ts";
import { isEphemeral } from "../../protocol/publication.ts";
import { Ring, type RingMeasure } from "../lib/ring.ts";
import type { Push } from "../session/push.ts";

/** Memory limits for the tails of one worker. The tails update `bytes`; their owner calls `shrinkTo` when it exceeds `total`. */
export interface TailBudget {
  /** Bytes per channel. */
  readonly perChannel: number;
  /** Bytes of all channels together. */
  readonly total: number;
  bytes: number;
}

/**
 * The recent publications of one channel in this worker: those waiting for the next flush, and flushed ones, from which
 * lagging sessions are served.
 *
 *      oldest ........ flushed | pending ...... head
 *      read() reaches up to here ^
 *
 * Invariant: the flushed ones are contiguous and end at `flushed`. Readers never see beyond it: level sessions get the rest
 * with the next flush, and a reader that became level at `head` would get it twice.
 */
export class Tail {
  #epoch: string;
  #head: number;
  #flushed: number;
  /** Flushed publications, oldest first. */
  readonly #kept = new Ring(measure);
  #pending: Push[] = [];
  #pendingBytes = 0;
  #received = 0;
  readonly #budget: TailBudget;

  /** @param top The channel's top when listening begins. */
  constructor(top: Position, budget: TailBudget) {
    this.#epoch = top.epoch;
    this.#head = top.offset;
    this.#flushed = top.offset;
    this.#budget = budget;
  }

  get epoch(): string {
    return this.#epoch;
  }

  /** The last offset that arrived. */
  get head(): number {
    return this.#head;
  }

  /** The last offset that was sent to level sessions. */
  get flushed(): number {
    return this.#flushed;
  }

  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** Appends the next publication in order, or an ephemeral one. The caller has checked the order. */
  append(push: Push): void {
    if (!isEphemeral(push.publication)) this.#head = push.publication.offset;
    this.#pending.push(push);
    this.#pendingBytes += push.bytes;
    this.#received++;
  }

  /** How many publications arrived since the last call, ephemeral ones too. */
  takeReceived(): number {
    const received = this.#received;
    this.#received = 0;
    return received;
  }

  /** Returns everything pending, in order. `flushed` becomes `head`. */
  flush(): readonly Push[] {
    const batch = this.#pending;
    for (const push of batch) this.#keep(push);
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#flushed = this.#head;
    this.shrinkTo(this.#budget.perChannel);
    return batch;
  }

  /**
   * Flushed publications after an offset: as many as fit into `maxBytes` on the wire, and at least one. Undefined if the tail
   * does not reach back that far.
   */
  read(after: number, maxBytes: number): readonly Push[] | undefined {
    if (!this.reachesBackTo(after)) return undefined;
    const from = this.#kept.length - (this.#flushed - after);
    let to = from;
    for (let bytes = 0; to < this.#kept.length; to++) {
      bytes += this.#kept.at(to)?.wireBytes ?? 0;
      if (bytes > maxBytes && to > from) break;
    }
    return this.#kept.slice(from, to);
  }

  /** Whether `read` can continue after this offset. */
  reachesBackTo(after: number): boolean {
    return this.#flushed - after <= this.#kept.length;
  }

  /** When the first publication after this offset arrived here; undefined if it is not kept or not flushed. */
  receivedAtAfter(after: number): number | undefined {
    return this.#kept.at(this.#kept.length - (this.#flushed - after))?.receivedAt;
  }

  /** Starts over at this position, in a new epoch or after a gap. */
  reset(position: Position): void {
    this.#epoch = position.epoch;
    this.#head = position.offset;
    this.#flushed = position.offset;
    this.#pending = [];
    this.#pendingBytes = 0;
    this.shrinkTo(0);
  }

  /** Evicts the oldest flushed publications until at most this many bytes are kept. */
  shrinkTo(maxBytes: number): void {
    const before = this.#kept.bytes;
    while (this.#kept.bytes > maxBytes) this.#kept.shift();
    this.#budget.bytes -= before - this.#kept.bytes;
  }

  get keptBytes(): number {
    return this.#kept.bytes;
  }

  #keep(push: Push): void {
    if (isEphemeral(push.publication)) return;
    this.#kept.push(push);
    this.#budget.bytes += push.bytes;
  }
}

const measure: RingMeasure<Push> = {
  bytesOf: ({ bytes }) => bytes,
  timeOf: ({ publication }) => publication.timestamp,
};
