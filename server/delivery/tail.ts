import type { Position } from "../../protocol/position.ts";
import { isEphemeral } from "../../protocol/publication.ts";
import { Ring, type RingMeasure } from "../lib/ring.ts";
import type { Push } from "../session/push.ts";

/** What the tails of one worker may keep. `bytes` is kept by the tails; whoever owns them calls `shrink` beyond `total`. */
export interface TailBudget {
  /** Of one channel. */
  readonly perChannel: number;
  /** Of all channels together. */
  readonly total: number;
  bytes: number;
}

/**
 * The recent publications of one listened channel in this worker: those that wait for the next flush, and those already
 * flushed, which serve lagging sessions from memory.
 *
 *      oldest ........ flushed | pending ...... head
 *      read() reaches up to here ^
 *
 * Invariant: the flushed ones are contiguous and end at `flushed`; readers never see beyond it, because level sessions get
 * what is beyond with the next flush, and a reader that became level at `head` would get it twice.
 */
export class Tail {
  #epoch: string;
  #head: number;
  #flushed: number;
  /** Flushed ones, oldest first. */
  readonly #kept = new Ring(measure);
  #pending: Push[] = [];
  #pendingBytes = 0;
  readonly #budget: TailBudget;

  /** @param top Where the channel stands when listening begins. */
  constructor(top: Position, budget: TailBudget) {
    this.#epoch = top.epoch;
    this.#head = top.offset;
    this.#flushed = top.offset;
    this.#budget = budget;
  }

  get epoch(): string {
    return this.#epoch;
  }

  /** The last offset that came. */
  get head(): number {
    return this.#head;
  }

  /** The last offset that was sent out to level sessions. */
  get flushed(): number {
    return this.#flushed;
  }

  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** The next in order, or an ephemeral one; the caller has checked that it is. */
  append(push: Push): void {
    if (!isEphemeral(push.publication)) this.#head = push.publication.offset;
    this.#pending.push(push);
    this.#pendingBytes += push.bytes;
  }

  /** Everything that waits, in order; `flushed` becomes `head`. */
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
   * Flushed publications after an offset: as many as take at most `maxBytes` on the wire, and one even if it is larger.
   * Undefined where what is kept begins later.
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

  /** Whether `read` can go on after this offset. */
  reachesBackTo(after: number): boolean {
    return this.#flushed - after <= this.#kept.length;
  }

  /** When the first one after this offset came here; undefined where none that was flushed is kept. */
  takenAtAfter(after: number): number | undefined {
    return this.#kept.at(this.#kept.length - (this.#flushed - after))?.takenAt;
  }

  /** Numbering went on in another life, or was lost sight of: what is known begins anew. */
  reset(position: Position): void {
    this.#epoch = position.epoch;
    this.#head = position.offset;
    this.#flushed = position.offset;
    this.#pending = [];
    this.#pendingBytes = 0;
    this.shrinkTo(0);
  }

  /** Lets the oldest flushed ones go until at most so many bytes are kept. */
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
