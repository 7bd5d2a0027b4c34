import type { Clock, Timer } from "../lib/clock.ts";
import type { Session } from "../session/session.ts";

/** How often progress is looked at. */
const checkMs = 1000;

interface Watch {
  buffered: number;
  /** When it last got smaller. */
  at: number;
}

/**
 * Watches sessions whose sockets are full. Being slow is allowed (history waits for them); what is not is to hold a buffer
 * without reading any of it for `slowTimeoutMs`: such a session is closed with 4008.
 */
export class SlowReaders {
  readonly #slowTimeoutMs: number;
  readonly #clock: Clock;
  readonly #watched = new Map<Session, Watch>();
  #timer: Timer | undefined;

  constructor(slowTimeoutMs: number, clock: Clock) {
    this.#slowTimeoutMs = slowTimeoutMs;
    this.#clock = clock;
  }

  get size(): number {
    return this.#watched.size;
  }

  watch(session: Session): void {
    const known = this.#watched.get(session);
    const buffered = session.connection.buffered();
    // Full again after it had room: that is progress.
    if (known === undefined) this.#watched.set(session, { buffered, at: this.#clock.monotonic() });
    else Object.assign(known, { buffered, at: this.#clock.monotonic() });
    this.#timer ??= this.#clock.setTimeout(this.#check, checkMs);
  }

  forget(session: Session): void {
    this.#watched.delete(session);
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#watched.clear();
  }

  readonly #check = (): void => {
    const now = this.#clock.monotonic();
    for (const [session, watch] of this.#watched) {
      const buffered = session.connection.buffered();
      if (!session.isBlocked) {
        this.#watched.delete(session);
      } else if (buffered < watch.buffered) {
        watch.at = now;
        watch.buffered = buffered;
      } else if (now - watch.at >= this.#slowTimeoutMs) {
        this.#watched.delete(session);
        session.close({ name: "too-slow" });
      } else {
        watch.buffered = buffered; // answers may have been added
      }
    }
    this.#timer = this.#watched.size === 0 ? undefined : this.#clock.setTimeout(this.#check, checkMs);
  };
}
