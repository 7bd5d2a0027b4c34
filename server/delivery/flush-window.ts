import type { Clock } from "../lib/clock.ts";

/** Below this a flush counts as cheap: few receivers, so waiting would buy nothing. */
const cheapMs = 1;
/** What a message may wait for others, unless flushes themselves take longer. */
const capMs = 20;

/**
 * When the next flush happens. A write costs some 5 µs whatever is in it, so with many receivers the way to be fast is to
 * write less often (bench/fanout: 20 messages in one write cost a twelfth of 20 writes).
 *
 * While flushes are cheap, each turn of the event loop flushes what it got. When they are not, the first message after
 * quiet leaves at once, and what follows leaves together:
 *
 *     message   1   2 3 4 5   6 7            8
 *     flush     1   ....2-5   ..6-7          8
 *                   <wait->                  (quiet before it)
 *
 * wait = the window or twice the flush's own time, whichever is longer, up to 20 ms or one flush's time.
 */
export class FlushWindow {
  readonly #windowMs: number;
  readonly #clock: Clock;
  readonly #flush: () => void;
  #isScheduled = false;
  /** The recent flushes' time, averaged so that one pause of the machine does not open the window. */
  #costMs = 0;
  #endedAt = Number.NEGATIVE_INFINITY;

  /** @param windowMs 0 switches waiting off. */
  constructor(windowMs: number, clock: Clock, flush: () => void) {
    this.#windowMs = windowMs;
    this.#clock = clock;
    this.#flush = flush;
  }

  /** Something waits to be flushed. */
  request(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    const waitMs = this.#endedAt + this.waitMs - this.#clock.monotonic();
    if (waitMs > 0) this.#clock.setTimeout(this.#run, waitMs);
    else this.#clock.setImmediate(this.#run);
  }

  /** How long what follows a flush waits for company. */
  get waitMs(): number {
    if (this.#windowMs === 0 || this.#costMs < cheapMs) return 0;
    return Math.min(Math.max(this.#windowMs, 2 * this.#costMs), Math.max(capMs, this.#costMs));
  }

  /** A flush took so long, writes that the runtime does later included as far as they are known. */
  took(costMs: number): void {
    this.#costMs += (costMs - this.#costMs) / 4;
    this.#endedAt = this.#clock.monotonic();
  }

  readonly #run = (): void => {
    this.#isScheduled = false;
    this.#flush();
  };
}
