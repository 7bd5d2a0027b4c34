import type { ChannelName } from "../../protocol/channel-name.ts";
import type { Position } from "../../protocol/position.ts";
import { isEphemeral } from "../../protocol/publication.ts";
import type { ChunkPool } from "../broker/records/chunk-pool.ts";
import { PublicationRing } from "../broker/records/publication-ring.ts";
import { Push } from "../session/push.ts";

/** Memory for the tails of one worker, counted by `costOf`. The tails update `bytes`; their owner calls `shrinkTo` when it exceeds `total`. */
export interface TailBudget {
  /** Bytes per channel. */
  readonly perChannel: number;
  /** Bytes of all channels together. */
  readonly total: number;
  bytes: number;
  /** The memory for all of them. */
  readonly chunks: ChunkPool;
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
  /** Flushed publications, oldest first. Made for the first one: most channels are those of single users, who rarely get any. */
  #kept: PublicationRing | undefined;
  #pending: Push[] | undefined;
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
    this.#pending ??= [];
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
    const batch = this.#pending ?? nothing;
    for (const push of batch) this.#keep(push);
    this.#pending = undefined;
    this.#pendingBytes = 0;
    this.#flushed = this.#head;
    this.shrinkTo(this.#budget.perChannel);
    return batch;
  }

  /**
   * Flushed publications after an offset: as many as fit into `maxBytes` on the wire, and at least one. Undefined if the tail does
   * not reach back that far.
   * @param name the channel's
   */
  read(name: ChannelName, after: number, maxBytes: number): readonly Push[] | undefined {
    if (!this.reachesBackTo(after)) return undefined;
    const pushes: Push[] = [];
    let bytes = 0;
    const place = { name, epoch: this.#epoch, top: this.#flushed };
    this.#kept?.each(this.#indexAfter(after), place, (publication, { at }) => {
      const push = new Push(publication, at);
      bytes += push.wireBytes;
      if (bytes > maxBytes && pushes.length > 0) return false;
      pushes.push(push);
      return true;
    });
    return pushes;
  }

  /** Whether `read` can continue after this offset. */
  reachesBackTo(after: number): boolean {
    return this.#flushed - after <= this.#keptLength;
  }

  /** When the first publication after this offset arrived here; undefined if it is not kept or not flushed. */
  receivedAtAfter(after: number): number | undefined {
    const index = this.#indexAfter(after);
    return index >= 0 && index < this.#keptLength ? this.#kept?.timeAt(index) : undefined;
  }

  /** Starts over at this position, in a new epoch or after a gap. */
  reset(position: Position): void {
    this.#epoch = position.epoch;
    this.#head = position.offset;
    this.#flushed = position.offset;
    this.#pending = undefined;
    this.#pendingBytes = 0;
    this.shrinkTo(0);
  }

  /** Evicts the oldest flushed publications until at most this many bytes are kept. */
  shrinkTo(maxBytes: number): void {
    const kept = this.#kept;
    if (kept === undefined) return;
    const before = kept.bytes;
    while (kept.bytes > maxBytes) kept.shift();
    this.#budget.bytes -= before - kept.bytes;
  }

  get keptBytes(): number {
    return this.#kept?.bytes ?? 0;
  }

  get #keptLength(): number {
    return this.#kept?.length ?? 0;
  }

  /** Where the publication after this offset is kept. */
  #indexAfter(offset: number): number {
    return this.#keptLength - (this.#flushed - offset);
  }

  #keep({ publication, receivedAt, bytes }: Push): void {
    if (isEphemeral(publication)) return;
    this.#kept ??= new PublicationRing(this.#budget.chunks);
    const before = this.#kept.bytes;
    this.#kept.push(publication, receivedAt, bytes / 2); // without its JSON
    this.#budget.bytes += this.#kept.bytes - before;
  }
}

const nothing: readonly Push[] = [];
