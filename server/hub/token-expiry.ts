import { isoTime } from "../../protocol/codec.ts";
import { texts } from "../../protocol/texts.ts";
import { type Clock, maxTimerMs, type Timer } from "../lib/clock.ts";
import type { Session } from "../session/session.ts";

/** How long before its end a token is announced as expiring. */
const noticeMs = 30_000;
/** The pause before another try, if the session cannot be told now. */
const retryMs = 1000;

/** Tells sessions that their token is about to expire, and closes them with 4010 when it expires without being replaced. */
export class TokenExpiry {
  readonly #clock: Clock;
  readonly #timers = new Map<Session, Timer>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Called again whenever the session's identity changes. */
  watch(session: Session): void {
    this.forget(session);
    const { expiresAtMs } = session.identity;
    if (expiresAtMs !== undefined) this.#stepIn(expiresAtMs - this.#clock.now() - noticeMs, session, false);
  }

  forget(session: Session): void {
    this.#timers.get(session)?.cancel();
    this.#timers.delete(session);
  }

  #stepIn(waitMs: number, session: Session, isTold: boolean): void {
    const ms = Math.min(maxTimerMs, Math.max(0, waitMs));
    this.#timers.set(
      session,
      this.#clock.setTimeout(() => this.#step(session, isTold), ms),
    );
  }

  #step(session: Session, wasTold: boolean): void {
    const leftMs = (session.identity.expiresAtMs ?? Number.POSITIVE_INFINITY) - this.#clock.now();
    if (leftMs <= 0) {
      session.close({ name: "token-expired" });
      return;
    }
    const isTold = wasTold || (leftMs <= noticeMs && this.#tell(session, leftMs));
    if (isTold) this.#stepIn(leftMs, session, true);
    else this.#stepIn(leftMs > noticeMs ? leftMs - noticeMs : Math.min(leftMs, retryMs), session, false);
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
    return true;
  }
}
