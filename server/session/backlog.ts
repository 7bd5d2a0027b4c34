import { getLogger } from "@logtape/logtape";
import type { Clock, Timer } from "../lib/clock.ts";
import type { StallCause } from "./connection.ts";

/** How often holders are checked; a deadline is missed by at most this much. */
const checkMs = 1000;
/** If a large write finds no room, readers without progress for this long are dropped. A line of a few Mbit/s shows progress sooner. */
const graceMs = 3000;
/** A reader without progress is looked up in the kernel so many times until it is given up. */
const kernelChecks = 4;
/** The share of the limit that is reserved for large writes to fast readers; connections without a record yet cannot use it. */
const quickShare = 1 / 4;

export interface BacklogLimits {
  /** Bytes that may be buffered for all clients of this process together. */
  readonly sendBufferBytes: number;
  /** Milliseconds without progress. */
  readonly slowTimeoutMs: number;
}

/** Something that buffers bytes: a connection whose client does not read, or commands that cannot be answered yet. */
export interface Holder {
  /** Bytes that are buffered now. */
  buffered(): number;
  /** The memory that these take, if it is more: some buffers keep their size until they are empty. */
  memory?(): number;
  /**
   * It made no progress for `slowTimeoutMs`, or the limit is reached and it has made no progress for longer than all others.
   * In the second case it must free its bytes before returning.
   */
  onStall(cause: StallCause): void;
  /** Called when less is buffered than was reported, in case the holder missed it. */
  onDrain?(): void;
  /** The other end of its socket, `127.0.0.1:52341`, if the kernel may hold bytes for it. */
  readonly peer?: string | undefined;
}

/** Reads how many bytes the kernel holds for these peers; unknown ones are missing. */
export type ReadSendQueues = (peers: ReadonlySet<string>) => Promise<ReadonlyMap<string, number>>;

interface Held {
  /** Bytes that the client has not read. */
  waiting: number;
  /** Bytes of memory. */
  bytes: number;
  /** When `waiting` last decreased, by the monotonic clock. */
  at: number;
  /** When bytes were first buffered. */
  readonly since: number;
  /** The bytes that the kernel held for it at the last lookup. */
  queued?: number | undefined;
  lookedUpAt?: number;
  /** It was not in the table the last time, although it was before. */
  isMissing?: boolean;
}

/**
 * Tracks all bytes that this process buffers because clients do not read them, and for how long.
 *
 * Holders report what they buffer, so a connection whose client reads costs nothing here. A client may be slow. A connection
 * is closed if its client reads none of the buffered bytes for `slowTimeoutMs`, or if all holders together exceed
 * `sendBufferBytes` and this client has read nothing for longest.
 *
 * The kernel buffers some megabytes more for each socket, and reports room only once about a third of them was read. With a
 * large buffer and a slow line that takes longer than `slowTimeoutMs`. So, where it is possible, readers without progress are
 * looked up in the kernel's tables: if it holds less for them than before, they read.
 *
 * Invariant: after each `note` the sum is at most `sendBufferBytes`, unless a single holder is larger.
 */
export class Backlog {
  readonly #limits: BacklogLimits;
  readonly #clock: Clock;
  /** In order of their last progress, oldest first. */
  readonly #held = new Map<Holder, Held>();
  /** Holders that were emptied within the grace period the last time they buffered anything. */
  readonly #quick = new WeakSet<object>();
  #bytes = 0;
  #timer: Timer | undefined;
  #dueAt = 0;
  #readSendQueues: ReadSendQueues | undefined;
  #isLookingUp = false;

  constructor(limits: BacklogLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** The memory of all that is buffered, as reported by the holders. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Number of holders with buffered bytes. */
  get size(): number {
    return this.#held.size;
  }

  /** From now on, bytes that the kernel sends count as progress. */
  watchKernel(read: ReadSendQueues): void {
    this.#readSendQueues = read;
  }

  /** Records how much a holder buffers. Less than before counts as progress; 0 removes the holder. */
  note(holder: Holder, waiting: number): void {
    const held = this.#held.get(holder);
    if (waiting === 0) this.#emptied(holder, held);
    else if (held === undefined) this.#enter(holder, waiting);
    else if (waiting < held.waiting) this.progress(holder, waiting);
    else {
      const bytes = holder.memory?.() ?? waiting;
      this.#bytes += bytes - held.bytes;
      held.waiting = waiting;
      held.bytes = bytes;
    }
    // The first pass finds holders that have made progress since their report. If all have, the second pass drops those too.
    for (let pass = 0; pass < 2 && this.#bytes > this.#limits.sendBufferBytes; pass++) {
      this.#makeRoom(this.#limits.sendBufferBytes, holder);
    }
    if (this.#timer === undefined) this.#schedule();
  }

  /** The client has read some bytes, even if as much or more is buffered now. */
  progress(holder: Holder, waiting: number): void {
    const held = this.#held.get(holder);
    this.#forget(holder, held);
    this.#enter(holder, waiting, held?.since);
  }

  /**
   * Whether a write of this size to this reader may begin. Drops readers without recent progress to make room. A share of
   * the limit is reserved for fast readers, so that they get each message even while all others are stalled.
   */
  hasRoomFor(bytes: number, reader: object): boolean {
    const { sendBufferBytes } = this.#limits;
    const common = sendBufferBytes * (1 - quickShare);
    const maxBytes = Math.max(0, (bytes > common || this.#quick.has(reader) ? sendBufferBytes : common) - bytes);
    if (this.#bytes > maxBytes) this.#makeRoom(maxBytes, undefined, this.#clock.monotonic() - graceMs);
    // With nothing buffered, even a write above the limit is allowed: a limit smaller than one message would block everything.
    return this.#bytes <= maxBytes;
  }

  /** Idempotent. */
  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#held.clear();
    this.#bytes = 0;
  }

  #enter(holder: Holder, waiting: number, since?: number): void {
    const at = this.#clock.monotonic();
    const bytes = holder.memory?.() ?? waiting;
    this.#bytes += bytes;
    this.#held.set(holder, { waiting, bytes, at, since: since ?? at });
  }

  #emptied(holder: Holder, held: Held | undefined): void {
    if (held === undefined) return;
    if (this.#clock.monotonic() - held.since <= graceMs) this.#quick.add(holder);
    else this.#quick.delete(holder);
    this.#forget(holder, held);
  }

  #forget(holder: Holder, held: Held | undefined): void {
    if (held === undefined) return;
    this.#bytes -= held.bytes;
    this.#held.delete(holder);
  }

  #schedule(): void {
    if (this.#held.size === 0) return;
    this.#dueAt = this.#clock.monotonic() + checkMs;
    this.#timer = this.#clock.setTimeout(this.#check, checkMs);
  }

  readonly #check = (): void => {
    const now = this.#clock.monotonic();
    // While this process was suspended it could not see any progress.
    const lateMs = now - this.#dueAt;
    if (lateMs > checkMs) for (const held of this.#held.values()) held.at += lateMs;
    this.#checkAll(now);
    this.#timer = undefined;
    this.#schedule();
  };

  /** Checking one holder takes a few nanoseconds, and only those with buffered bytes are listed. */
  #checkAll(now: number): void {
    let left = this.#held.size; // holders with progress move to the end
    const { slowTimeoutMs } = this.#limits;
    const suspects = new Map<Holder, Held>();
    for (const [holder, held] of this.#held) {
      if (left-- === 0) break;
      if (this.#hasProgressed(holder, held)) holder.onDrain?.();
      else if (this.#readSendQueues !== undefined && holder.peer !== undefined) {
        if (this.#isSuspect(held, now)) suspects.set(holder, held);
      } else if (now - held.at >= slowTimeoutMs) this.#giveUp(holder, held);
    }
    if (suspects.size > 0 && !this.#isLookingUp) void this.#lookUp(suspects);
  }

  #isSuspect({ at, lookedUpAt = at }: Held, now: number): boolean {
    const { slowTimeoutMs } = this.#limits;
    return now - at >= slowTimeoutMs || now - Math.max(at, lookedUpAt) >= slowTimeoutMs / kernelChecks;
  }

  /** One pass over the kernel's tables for all of them. */
  async #lookUp(suspects: ReadonlyMap<Holder, Held>): Promise<void> {
    this.#isLookingUp = true;
    const before = new Map(Array.from(suspects, ([holder, { at }]) => [holder, at]));
    const peers = new Set(Array.from(suspects.keys(), ({ peer = "" }) => peer));
    // Without the tables, only this process's own view is known.
    const queues = (await this.#readSendQueues?.(peers).catch(() => undefined)) ?? new Map<string, number>();
    this.#isLookingUp = false;
    const now = this.#clock.monotonic();
    for (const [holder, held] of suspects) {
      // It may have read something meanwhile, or be closed.
      if (this.#held.get(holder) !== held || held.at !== before.get(holder)) continue;
      const queued = queues.get(holder.peer ?? "");
      // A table that changes while it is read may lack a row, so a row that was there before is looked up again.
      const isMissing = queued === undefined && held.queued !== undefined;
      if (isMissing && held.isMissing !== true) {
        held.isMissing = true;
        continue;
      }
      held.isMissing = isMissing;
      const isComparable = queued === undefined || held.queued !== undefined;
      const hasRead = queued !== undefined && held.queued !== undefined && queued < held.queued;
      held.queued = queued;
      held.lookedUpAt = now;
      if (hasRead) this.#moveToEnd(holder, held);
      else if (isComparable && now - held.at >= this.#limits.slowTimeoutMs) this.#giveUp(holder, held);
    }
  }

  #moveToEnd(holder: Holder, held: Held): void {
    held.at = this.#clock.monotonic();
    this.#held.delete(holder);
    this.#held.set(holder, held);
  }

  #giveUp(holder: Holder, held: Held): void {
    // The owner reports 0 once the bytes are freed.
    this.#moveToEnd(holder, held);
    reportStall(holder, "no-progress");
  }

  /**
   * Drops the holders that have made no progress for longest.
   * @param newest is dropped last
   * @param until holders with progress later than this are kept
   */
  #makeRoom(maxBytes: number, newest?: Holder, until = Number.POSITIVE_INFINITY): void {
    let left = this.#held.size;
    for (const [holder, held] of this.#held) {
      if (left-- === 0 || this.#bytes <= maxBytes || held.at > until) return;
      if (holder === newest || this.#hasProgressed(holder, held)) continue;
      this.#forget(holder, held);
      reportStall(holder, "no-room");
    }
  }

  /** Not all progress is reported, so ask the holder. */
  #hasProgressed(holder: Holder, held: Held): boolean {
    const waiting = holder.buffered();
    if (waiting >= held.waiting) return false;
    if (waiting === 0) this.#emptied(holder, held);
    else this.progress(holder, waiting);
    return true;
  }
}

/** An error in one holder must not keep the others from being checked. */
function reportStall(holder: Holder, cause: StallCause): void {
  try {
    holder.onStall(cause);
  } catch (error) {
    getLogger(["fanfare", "session"]).error("A slow connection could not be closed: {error}", { error });
  }
}
