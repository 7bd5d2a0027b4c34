import { isoTime } from "../../protocol/codec.ts";
import { texts } from "../../protocol/texts.ts";
import { alignedDelay } from "../lib/aligned-delay.ts";
import { type Clock, maxTimerMs, type Timer } from "../lib/clock.ts";
import type { Session } from "../session/session.ts";

/** How long before its end a token is announced as expiring. */
const noticeMs = 30_000;
/** The pause before another try, if the session cannot be told now. */
const retryMs = 1000;
/** How often the two clocks are compared. */
const compareMs = 10_000;
/** If one clock gains more than this on the other, the wall clock was set, or the machine was suspended. Milliseconds. */
const leapMs = 1000;

/**
 * Tells sessions that their token is about to expire, and closes them with 4010 when it expires without being replaced.
 *
 * Tokens expire by the wall clock, and timers run by the steady one. When the wall clock was set, or went on while the machine was
 * suspended, all timers are set again.
 */
export class TokenExpiry {
  readonly #clock: Clock;
  readonly #timers = new Map<Session, Timer>();
  /** The sessions that know that their token is about to expire. */
  readonly #told = new Set<Session>();
  #comparison: Timer | undefined;
  /** How far the wall clock was ahead of the steady one at the last comparison. */
  #aheadMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Called again whenever the session's identity changes. */
  watch(session: Session): void {
    this.forget(session);
    if (session.identity.expiresAtMs === undefined) return;
    this.#wait(session);
    if (this.#comparison !== undefined) return;
    this.#aheadMs = this.#ahead();
    this.#compareLater();
  }

  forget(session: Session): void {
    this.#timers.get(session)?.cancel();
    this.#timers.delete(session);
    this.#told.delete(session);
  }

  #wait(session: Session): void {
    const leftMs = this.#leftMs(session);
    this.#stepIn(this.#told.has(session) ? leftMs : leftMs - noticeMs, session);
  }

  #stepIn(waitMs: number, session: Session): void {
    const ms = Math.min(maxTimerMs, Math.max(0, waitMs));
    this.#timers.get(session)?.cancel();
    this.#timers.set(
      session,
      this.#clock.setTimeout(() => this.#step(session), ms),
    );
  }

  #step(session: Session): void {
    const leftMs = this.#leftMs(session);
    if (leftMs <= 0) {
      this.forget(session);
      session.close({ name: "token-expired" });
      return;
    }
    if (leftMs > noticeMs) this.#wait(session);
    else if (this.#told.has(session) || this.#tell(session, leftMs)) this.#stepIn(leftMs, session);
    else this.#stepIn(Math.min(leftMs, retryMs), session);
  }

  #leftMs({ identity }: Session): number {
    return (identity.expiresAtMs ?? Number.POSITIVE_INFINITY) - this.#clock.now();
  }

  /** Runs only while sessions have a token that expires. */
  #compareLater(): void {
    this.#comparison = this.#clock.setTimeout(
      () => {
        this.#comparison = undefined;
        if (this.#timers.size === 0) return;
        this.#compare();
        this.#compareLater();
      },
      alignedDelay(this.#clock, compareMs),
    );
  }

  #compare(): void {
    const aheadMs = this.#ahead();
    if (Math.abs(aheadMs - this.#aheadMs) <= leapMs) return;
    this.#aheadMs = aheadMs;
    for (const session of Array.from(this.#timers.keys())) this.#wait(session);
  }

  #ahead(): number {
    return this.#clock.now() - this.#clock.monotonic();
  }

  /** @returns false if the session cannot take a frame: it is not welcomed yet, or does not read */
  #tell(session: Session, leftMs: number): boolean {
    if (!session.isWelcomed || session.isBlocked) return false;
    const now = this.#clock.now();
    session.sendFrame({
      type: "system",
      event: "token-expiring",
      message: texts.tokenExpiring(leftMs),
      expires_at: isoTime(now + leftMs),
      expires_in_ms: Math.ceil(leftMs),
      timestamp: isoTime(now),
    });
    this.#told.add(session);
    return true;
  }
}
