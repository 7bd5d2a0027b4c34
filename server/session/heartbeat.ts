import { getLogger } from "@logtape/logtape";
import type { CloseReason } from "../../protocol/close-codes.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import { Wheel } from "./wheel.ts";

const log = () => getLogger(["fanfare", "session"]);

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
 * A peer that owes an answer has until its deadline; while bytes wait for it the timer rests, since its pong may stand
 * behind them (slow readers are somebody else's matter).
 */
export class Heartbeat {
  readonly #wheel: Wheel<Pinged>;
  /** In the order of their deadlines, since the timeout is the same for all. */
  readonly #owing = new Map<Pinged, number>();
  readonly #timeoutMs: number;
  readonly #clock: Clock;
  readonly #tickMs: number;
  #timer: Timer | undefined;

  constructor(times: HeartbeatTimes, clock: Clock) {
    this.#timeoutMs = times.timeout;
    this.#clock = clock;
    // A quarter of the timeout keeps the error of a deadline small; a second is fine enough for the usual tens of them.
    this.#tickMs = Math.max(10, Math.min(1000, times.timeout / 4, times.interval));
    const visit = (peer: Pinged) => this.#ping(peer);
    this.#wheel = new Wheel({ intervalMs: times.interval, tickMs: this.#tickMs, visit, onFault: endFaulty }, clock);
    this.#timer = clock.setTimeout(this.#collect, this.#tickMs);
  }

  add(peer: Pinged): void {
    this.#wheel.add(peer);
  }

  /** Pings at once: somebody needs to know whether the peer is still there. */
  probe(peer: Pinged): void {
    this.#ping(peer);
  }

  /** A pong or any message came. */
  seen(peer: Pinged): void {
    this.#owing.delete(peer);
  }

  remove(peer: Pinged): void {
    this.#owing.delete(peer);
    this.#wheel.remove(peer);
  }

  /** Idempotent. */
  close(): void {
    this.#wheel.close();
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #ping(peer: Pinged): void {
    if (this.#owing.has(peer) || peer.buffered() > 0) return;
    peer.ping();
    this.#owing.set(peer, this.#clock.monotonic() + this.#timeoutMs);
  }

  readonly #collect = (): void => {
    this.#timer = this.#clock.setTimeout(this.#collect, this.#tickMs);
    const now = this.#clock.monotonic();
    for (const [peer, deadline] of this.#owing) {
      if (deadline > now) return;
      this.#owing.delete(peer);
      this.#endOwing(peer);
    }
  };

  #endOwing(peer: Pinged): void {
    try {
      if (peer.buffered() === 0) peer.close({ name: "no-pong" });
    } catch (error) {
      log().error("A connection without a pong could not be closed: {error}", { error });
      endFaulty(peer);
    }
  }
}

/** A connection that cannot be asked is not known to live: its client reconnects. */
function endFaulty(peer: Pinged): void {
  try {
    peer.close({ name: "internal" });
  } catch (error) {
    log().error("A connection could not be closed: {error}", { error });
  }
}
