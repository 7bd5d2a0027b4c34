import { type Clock, maxTimerMs, type Timer } from "../lib/clock.ts";
import type { Session } from "../session/session.ts";

/** Closes sessions with 4010 when their token expires without being replaced. */
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
    if (expiresAtMs === undefined) return;
    const leftMs = expiresAtMs - this.#clock.now();
    const next = () => (leftMs > maxTimerMs ? this.watch(session) : session.close({ name: "token-expired" }));
    this.#timers.set(session, this.#clock.setTimeout(next, Math.min(maxTimerMs, Math.max(0, leftMs))));
  }

  forget(session: Session): void {
    this.#timers.get(session)?.cancel();
    this.#timers.delete(session);
  }
}
