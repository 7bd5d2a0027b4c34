import { backoff } from "../lib/backoff.ts";
import type { Clock } from "../lib/clock.ts";

/** Failures in a row after which the breaker opens. */
const threshold = 5;
const pauses = { firstMs: 1000, maxMs: 30_000 };

/**
 * A circuit breaker. After five failures in a row it is open: nothing is sent for a pause that grows. Then one request is let
 * through, whose outcome closes the breaker or begins the next pause. So a dead application costs neither time nor load.
 */
export class Breaker {
  readonly #clock: Pick<Clock, "monotonic">;
  #failures = 0;
  #pausedUntil = Number.NEGATIVE_INFINITY;
  #isTrying = false;

  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
  }

  get isOpen(): boolean {
    return this.#failures >= threshold;
  }

  /** Asks to send a request. If the answer is true, `succeeded` or `failed` must follow. */
  enter(): boolean {
    if (!this.isOpen) return true;
    if (this.#isTrying || this.waitMs > 0) return false;
    this.#isTrying = true;
    return true;
  }

  /** Milliseconds until a request may be tried. */
  get waitMs(): number {
    return this.isOpen ? Math.max(0, this.#pausedUntil - this.#clock.monotonic()) : 0;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#isTrying = false;
  }

  /** @returns whether the breaker opened with this failure, for the log */
  failed(): boolean {
    const wasOpen = this.isOpen;
    // A request that was in flight when the breaker opened adds no information.
    if (wasOpen && !this.#isTrying) return false;
    this.#isTrying = false;
    this.#failures++;
    if (!this.isOpen) return false;
    this.#pausedUntil = this.#clock.monotonic() + backoff(this.#failures - threshold + 1, pauses);
    return !wasOpen;
  }
}
