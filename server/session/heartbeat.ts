import type { CloseReason } from "../../protocol/close-codes.ts";
import type { Clock, Timer } from "../lib/clock.ts";

/** What a heartbeat needs of a socket whose protocol answers pings. */
export interface Pinged {
  ping(): void;
  /** Bytes that wait in this process. */
  buffered(): number;
  close(reason: CloseReason): void;
}

/** Milliseconds. */
export interface HeartbeatTimes {
  /** Between two pings of one connection. */
  readonly interval: number;
  /** How long an answer may take. */
  readonly timeout: number;
}

/**
 * Finds peers that are gone without a goodbye. The runtime's own idle timer cannot: it counts what the server sends as
 * life, so a dead peer in a busy channel would stay for ever.
 *
 * A wheel: each connection stands in the slot of the moment it came, one slot is pinged per tick, so pings are spread
 * over the interval. A peer that owes an answer has until its deadline; while bytes wait for it the timer rests, since
 * its pong may stand behind them (slow readers are somebody else's matter).
 */
export class Heartbeat {
  readonly #slots: Set<Pinged>[];
  readonly #slotOf = new Map<Pinged, Set<Pinged>>();
  /** In the order of their deadlines, since the timeout is the same for all. */
  readonly #owing = new Map<Pinged, number>();
  readonly #times: HeartbeatTimes;
  readonly #clock: Clock;
  readonly #tickMs: number;
  #timer: Timer | undefined;
  #hand = 0;

  constructor(times: HeartbeatTimes, clock: Clock) {
    this.#times = times;
    this.#clock = clock;
    // A quarter of the timeout keeps the error of a deadline small; a second is fine enough for the usual tens of them.
    this.#tickMs = Math.max(10, Math.min(1000, times.timeout / 4, times.interval));
    this.#slots = Array.from({ length: Math.max(1, Math.round(times.interval / this.#tickMs)) }, () => new Set());
    this.#timer = clock.setTimeout(() => this.#tick(), this.#tickMs);
  }

  add(peer: Pinged): void {
    // The slot just behind the hand: its first ping comes a whole interval from now.
    const slot = this.#slots[(this.#hand + this.#slots.length - 1) % this.#slots.length];
    if (slot === undefined) return;
    slot.add(peer);
    this.#slotOf.set(peer, slot);
  }

  /** A pong or any message came. */
  seen(peer: Pinged): void {
    this.#owing.delete(peer);
  }

  remove(peer: Pinged): void {
    this.#owing.delete(peer);
    this.#slotOf.get(peer)?.delete(peer);
    this.#slotOf.delete(peer);
  }

  /** Idempotent. */
  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #tick(): void {
    this.#timer = this.#clock.setTimeout(() => this.#tick(), this.#tickMs);
    const now = this.#clock.now();
    this.#collect(now);
    for (const peer of this.#slots[this.#hand] ?? []) {
      if (this.#owing.has(peer) || peer.buffered() > 0) continue;
      peer.ping();
      this.#owing.set(peer, now + this.#times.timeout);
    }
    this.#hand = (this.#hand + 1) % this.#slots.length;
  }

  #collect(now: number): void {
    for (const [peer, deadline] of this.#owing) {
      if (deadline > now) return;
      this.#owing.delete(peer);
      if (peer.buffered() === 0) peer.close({ name: "no-pong" });
    }
  }
}
