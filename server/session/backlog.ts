import { getLogger } from "@logtape/logtape";
import type { Clock, Timer } from "../lib/clock.ts";
import type { StallCause } from "./connection.ts";

/** How often holders are looked at: a deadline is met this much late at most. */
const checkMs = 1000;
/** Where there is no room for a large write, those give way who have read nothing for so long: a line of some Mbit/s shows progress sooner. */
const graceMs = 3000;
/** The part of all room for large writes that is only for quick readers: it is not taken by those of whom nothing is known yet. */
const quickShare = 1 / 4;

export interface BacklogLimits {
  /** Bytes that may wait for all clients of this process together. */
  readonly sendBufferBytes: number;
  /** Milliseconds without progress. */
  readonly slowTimeoutMs: number;
}

/** Something in which bytes wait: a connection that is not read, or commands that cannot be answered yet. */
export interface Holder {
  /** What waits in it now. */
  buffered(): number;
  /**
   * It made no progress for `slowTimeoutMs`; or there is no room, and it has made no progress for longer than all others.
   * In the second case it frees its bytes before this returns.
   */
  onStall(cause: StallCause): void;
  /** Less waits in it than it reported: it may have missed that. */
  readonly onDrain?: () => void;
}

interface Held {
  bytes: number;
  /** When it last got smaller, by the monotonic clock. */
  at: number;
  /** When something began to wait. */
  readonly since: number;
}

/**
 * All bytes that wait in this process because a client does not read them, and since when.
 *
 * A holder reports what waits in it, so a connection that is read costs nothing here. Being slow is allowed. What ends a
 * connection is to hold bytes and read none of them for `slowTimeoutMs`, or to be the one that has read nothing for longest
 * when all holders together pass `sendBufferBytes`.
 *
 * Invariant: after each `note` the sum is at most `sendBufferBytes`, unless one holder alone is larger.
 */
export class Backlog {
  readonly #limits: BacklogLimits;
  readonly #clock: Clock;
  /** In the order of their last progress, the oldest first. */
  readonly #held = new Map<Holder, Held>();
  /** Those that have read all that waited in them within the grace, the last time that anything did. */
  readonly #quick = new WeakSet<Holder>();
  #bytes = 0;
  #timer: Timer | undefined;
  #dueAt = 0;

  constructor(limits: BacklogLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** As far as holders have reported. */
  get bytes(): number {
    return this.#bytes;
  }

  /** How many hold something. */
  get size(): number {
    return this.#held.size;
  }

  /** So much waits in it now. Less than before is progress, and nothing is the end of it. */
  note(holder: Holder, bytes: number): void {
    const held = this.#held.get(holder);
    if (bytes === 0) this.#emptied(holder, held);
    else if (held === undefined) this.#enter(holder, bytes);
    else if (bytes < held.bytes) this.progress(holder, bytes);
    else {
      this.#bytes += bytes - held.bytes;
      held.bytes = bytes;
    }
    // The first pass finds out who has read something meanwhile; where all have, the second one takes from them too.
    for (let pass = 0; pass < 2 && this.#bytes > this.#limits.sendBufferBytes; pass++) {
      this.#makeRoom(this.#limits.sendBufferBytes, holder);
    }
    if (this.#timer === undefined) this.#schedule();
  }

  /** Some of it was read, although as much or more waits in it now. */
  progress(holder: Holder, bytes: number): void {
    const held = this.#held.get(holder);
    this.#forget(holder, held);
    this.#enter(holder, bytes, held?.since);
  }

  /**
   * Whether a write of so many bytes to this one may begin. Those who have read nothing for a while give way to it. A part of
   * the room is left to quick readers, so that they get each message even while all others stand still.
   */
  hasRoomFor(bytes: number, reader: Holder): boolean {
    const { sendBufferBytes } = this.#limits;
    const common = sendBufferBytes * (1 - quickShare);
    const maxBytes = Math.max(0, (bytes > common || this.#quick.has(reader) ? sendBufferBytes : common) - bytes);
    if (this.#bytes > maxBytes) this.#makeRoom(maxBytes, undefined, this.#clock.monotonic() - graceMs);
    // One alone is always let through: a limit smaller than one message would stop everything.
    return this.#bytes <= maxBytes || this.#held.size === 0;
  }

  /** Idempotent. */
  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#held.clear();
    this.#bytes = 0;
  }

  #enter(holder: Holder, bytes: number, since?: number): void {
    const at = this.#clock.monotonic();
    this.#bytes += bytes;
    this.#held.set(holder, { bytes, at, since: since ?? at });
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
    // While this process stood still it could not see anybody read.
    const lateMs = now - this.#dueAt;
    if (lateMs > checkMs) for (const held of this.#held.values()) held.at += lateMs;
    this.#lookAtAll(now);
    this.#timer = undefined;
    this.#schedule();
  };

  /** Reading what waits costs some nanoseconds, and only those are here in whom something does. */
  #lookAtAll(now: number): void {
    let left = this.#held.size; // those that make progress go to the end
    for (const [holder, held] of this.#held) {
      if (left-- === 0) return;
      if (this.#hasProgressed(holder, held)) {
        holder.onDrain?.();
        continue;
      }
      if (now - held.at < this.#limits.slowTimeoutMs) continue;
      // To the end: whoever it belongs to says when it holds nothing any more.
      this.progress(holder, held.bytes);
      tell(holder, "no-progress");
    }
  }

  /**
   * Takes from those who have read nothing for longest.
   * @param newest is spared while there is another
   * @param until spares those with progress later than this
   */
  #makeRoom(maxBytes: number, newest?: Holder, until = Number.POSITIVE_INFINITY): void {
    let left = this.#held.size;
    for (const [holder, held] of this.#held) {
      if (left-- === 0 || this.#bytes <= maxBytes || held.at > until) return;
      if (holder === newest || this.#hasProgressed(holder, held)) continue;
      this.#forget(holder, held);
      tell(holder, "no-room");
    }
  }

  /** Not every progress is reported: what waits may be less by now. */
  #hasProgressed(holder: Holder, held: Held): boolean {
    const bytes = holder.buffered();
    if (bytes >= held.bytes) return false;
    if (bytes === 0) this.#emptied(holder, held);
    else this.progress(holder, bytes);
    return true;
  }
}

/** One that cannot be ended must not keep the others from being looked at. */
function tell(holder: Holder, cause: StallCause): void {
  try {
    holder.onStall(cause);
  } catch (error) {
    getLogger(["fanfare", "session"]).error("A slow connection could not be ended: {error}", { error });
  }
}
