/** The limits of a bucket: a steady rate, and a burst after a pause. */
export interface Rate {
  readonly perSecond: number;
  /** The capacity of the bucket. */
  readonly burst: number;
}

/**
 * Limits how much happens per second. Times are those of a monotonic clock, in milliseconds: with the wall clock, setting it
 * back would block everyone.
 */
export class TokenBucket {
  readonly #rate: Rate;
  #tokens: number;
  #at: number;

  constructor(rate: Rate, now: number) {
    this.#rate = rate;
    this.#tokens = rate.burst;
    this.#at = now;
  }

  /**
   * How long until `take` would allow this cost, in milliseconds; 0: now. A cost above half of the burst is allowed once half
   * of the burst is there, because a cost above the burst would otherwise never be allowed; the rest becomes debt.
   */
  wait(now: number, cost: number): number {
    this.#refill(now);
    const missing = Math.min(cost, this.#rate.burst / 2) - this.#tokens;
    return missing <= 0 ? 0 : Math.ceil((missing / this.#rate.perSecond) * 1000);
  }

  /** Takes the cost if it is allowed. @returns 0, or the milliseconds until it would be */
  take(now: number, cost: number): number {
    const wait = this.wait(now, cost);
    if (wait === 0) this.#tokens -= cost;
    return wait;
  }

  /** Takes a cost that is known only afterwards, such as the size of an answer. It may leave a debt. */
  spend(now: number, cost: number): void {
    this.#refill(now);
    this.#tokens -= cost;
  }

  /** Whether it is full and has no debt, so that it need not be kept. */
  isFull(now: number): boolean {
    this.#refill(now);
    return this.#tokens >= this.#rate.burst;
  }

  #refill(now: number): void {
    const { perSecond, burst } = this.#rate;
    this.#tokens = Math.min(burst, this.#tokens + ((now - this.#at) / 1000) * perSecond);
    this.#at = now;
  }
}
