import { getLogger } from "@logtape/logtape";
import type { CloseReason } from "../../protocol/close-codes.ts";
import { alignedDelay } from "../lib/aligned-delay.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import { Wheel, type WheelMember } from "./wheel.ts";

const log = () => getLogger(["fanfare", "session"]);

/** The part of a socket that a heartbeat needs, for protocols that answer pings. */
export interface Pinged extends WheelMember {
  ping(): void;
  /** Bytes buffered in this process. */
  buffered(): number;
  close(reason: CloseReason): void;
}

/** Milliseconds. */
export interface HeartbeatTimes {
  /** Between two pings of one connection. */
  readonly interval: number;
  /** How long the peer may take to answer. */
  readonly timeout: number;
}

/**
 * Detects peers that disappeared without closing. The runtime's own idle timer does not: it counts the server's own sends as
 * activity, so a dead peer in a busy channel would never time out.
 *
 * A peer that was pinged has until its deadline to answer. While bytes are buffered for it no timeout applies, since its pong
 * may be queued behind them; slow readers are handled by the backlog.
 */
export class Heartbeat {
  readonly #wheel: Wheel<Pinged>;
  /** Pinged peers and their deadlines, in order, since the timeout is the same for all. */
  readonly #unanswered = new Map<Pinged, number>();
  readonly #timeoutMs: number;
  readonly #clock: Clock;
  readonly #tickMs: number;
  #timer: Timer | undefined;

  constructor(times: HeartbeatTimes, clock: Clock) {
    this.#timeoutMs = times.timeout;
    this.#clock = clock;
    // A quarter of the timeout keeps deadlines accurate; one second is accurate enough for the usual tens of seconds.
    this.#tickMs = Math.max(10, Math.min(1000, times.timeout / 4, times.interval));
    const visit = (peer: Pinged) => this.#ping(peer);
    this.#wheel = new Wheel({ intervalMs: times.interval, tickMs: this.#tickMs, visit, onFault: closeFaulty }, clock);
  }

  add(peer: Pinged): void {
    this.#wheel.add(peer);
  }

  /** Pings at once, to find out whether the peer is still there. */
  probe(peer: Pinged): void {
    this.#ping(peer);
  }

  /** A pong or any other message arrived. @returns whether a ping was unanswered */
  seen(peer: Pinged): boolean {
    return this.#unanswered.delete(peer);
  }

  remove(peer: Pinged): void {
    this.#unanswered.delete(peer);
    this.#wheel.remove(peer);
  }

  /** Idempotent. */
  close(): void {
    this.#wheel.close();
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #ping(peer: Pinged): void {
    if (this.#unanswered.has(peer) || peer.buffered() > 0) return;
    peer.ping();
    this.#unanswered.set(peer, this.#clock.monotonic() + this.#timeoutMs);
    if (this.#timer === undefined) this.#arm();
  }

  #arm(): void {
    this.#timer = this.#clock.setTimeout(this.#checkDeadlines, alignedDelay(this.#clock, this.#tickMs));
  }

  readonly #checkDeadlines = (): void => {
    this.#timer = undefined;
    const now = this.#clock.monotonic();
    for (const [peer, deadline] of this.#unanswered) {
      if (deadline > now) break;
      this.#unanswered.delete(peer);
      this.#closeUnanswered(peer);
    }
    if (this.#unanswered.size > 0) this.#arm();
  };

  #closeUnanswered(peer: Pinged): void {
    try {
      if (peer.buffered() === 0) peer.close({ name: "no-pong" });
    } catch (error) {
      log().error("A connection without a pong could not be closed: {error}", { error });
      closeFaulty(peer);
    }
  }
}

/** Closes a connection whose check failed. Its client reconnects. */
function closeFaulty(peer: Pinged): void {
  try {
    peer.close({ name: "internal" });
  } catch (error) {
    log().error("A connection could not be closed: {error}", { error });
  }
}
