import type { CloseReason } from "../../protocol/close-codes.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import type { Session } from "../session/session.ts";

/** How long a client that exceeds its rate is watched before it is closed. */
const watchMs = 100;
/** A client that sends more than this meanwhile is cut off. A burst of 10,000 frames that has ended is not. */
const maxFrames = 10_000;
const maxBytes = 4 * 1024 ** 2;

/**
 * Closes a client that ignores its rate. After a close frame the engine continues to read for four seconds: 1.6 GB/s of
 * pongs were read and thrown away. So the client is watched first, and its frames are ignored. If it stops, it is closed
 * with a code. If it goes on, its connection is cut without one.
 */
export class FloodWatch {
  readonly #session: Session;
  readonly #reason: CloseReason;
  readonly #timer: Timer;
  #frames = 0;
  #bytes = 0;

  constructor(session: Session, text: string, clock: Pick<Clock, "setTimeout">) {
    this.#session = session;
    this.#reason = { name: "too-many", text };
    this.#timer = clock.setTimeout(() => session.close(this.#reason), watchMs);
  }

  /** Counts a frame that is ignored. */
  note(bytes: number): void {
    this.#frames++;
    this.#bytes += bytes;
    if (this.#frames <= maxFrames && this.#bytes <= maxBytes) return;
    this.end();
    this.#session.drop(this.#reason);
  }

  /** The session has ended. */
  end(): void {
    this.#timer.cancel();
  }
}
