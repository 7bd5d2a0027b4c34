import type { Clock } from "../lib/clock.ts";

/** A faster flush counts as cheap: it has few receivers, so waiting would gain nothing. */
const cheapMs = 1;
/** How far long flushes may extend the window, unless one flush itself takes longer. */
const capMs = 20;

/**
 * Decides when the next flush happens. A write costs about 5 µs whatever its size, so with many receivers the way to be fast
 * is to write less often (bench/fanout: 20 messages in one write cost a twelfth of 20 writes).
 *
 * While flushes are cheap, each turn of the event loop flushes the publications that it received. When they are not, the
 * first message after a pause is sent at once, and those that follow are sent together:
 *
 *     message   1   2 3 4 5   6 7            8
 *     flush     1   ....2-5   ..6-7          8
 *                   <wait->                  (pause before it)
 *
 * wait = the window, or twice the duration of a flush if that is longer, but then at most 20 ms or the duration of one
 * flush.
 */
export class FlushWindow {
  readonly #windowMs: number;
  readonly #clock: Clock;
  readonly #flush: () => void;
  #isScheduled = false;
  /** The duration of recent flushes, averaged so that one pause of the machine does not open the window. */
  #costMs = 0;
  #endedAt = Number.NEGATIVE_INFINITY;

  /** @param windowMs 0 turns waiting off. */
  constructor(windowMs: number, clock: Clock, flush: () => void) {
    this.#windowMs = windowMs;
    this.#clock = clock;
    this.#flush = flush;
  }

  /** Requests a flush. */
  request(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    const leftMs = this.#leftMs();
    if (leftMs > 0) this.#clock.setTimeout(this.#run, leftMs);
    else this.#clock.setImmediate(this.#run);
  }

  /** How long is still to wait. */
  #leftMs(): number {
    const { waitMs } = this;
    // Mostly there is no window, and the clock need not be read.
    return waitMs === 0 ? 0 : this.#endedAt + waitMs - this.#clock.monotonic();
  }

  /** How long messages after a flush are batched. */
  get waitMs(): number {
    if (this.#windowMs === 0 || this.#costMs < cheapMs) return 0;
    return Math.max(this.#windowMs, Math.min(2 * this.#costMs, Math.max(capMs, this.#costMs)));
  }

  /**
   * Records the duration of a flush, including later writes of the runtime where known.
   * @param endedAt by the monotonic clock
   */
  recordCost(costMs: number, endedAt: number): void {
    this.#costMs += (costMs - this.#costMs) / 4;
    this.#endedAt = endedAt;
  }

  readonly #run = (): void => {
    this.#isScheduled = false;
    this.#flush();
  };
}
