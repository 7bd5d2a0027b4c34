/** The burst that is allowed, in seconds' worth of frames. */
const burstSeconds = 2;

/**
 * Limits the frames of one connection: a token bucket. Frames that arrive while it is empty are refused. A client that gets
 * as many refusals in a row as the bucket holds is ignoring them.
 */
export class MessageRate {
  readonly #perSecond: number;
  #tokens: number;
  #at: number;
  #refusals = 0;

  /** @param perSecond 0 for no limit */
  constructor(perSecond: number, now: number) {
    this.#perSecond = perSecond;
    this.#tokens = perSecond * burstSeconds;
    this.#at = now;
  }

  /**
   * Counts one frame.
   * @param cost how many frames it counts as, 1 or more; at most the capacity of the bucket is charged
   * @returns 0 if it is allowed, otherwise the milliseconds until it would be
   */
  take(now: number, cost = 1): number {
    if (this.#perSecond === 0) return 0;
    const capacity = this.#perSecond * burstSeconds;
    this.#tokens = Math.min(capacity, this.#tokens + ((now - this.#at) / 1000) * this.#perSecond);
    this.#at = now;
    const price = Math.min(cost, capacity);
    if (this.#tokens >= price) {
      this.#tokens -= price;
      this.#refusals = 0;
      return 0;
    }
    this.#refusals++;
    return Math.ceil(((price - this.#tokens) / this.#perSecond) * 1000);
  }

  /** Whether the client keeps sending despite refusals. */
  get isAbused(): boolean {
    return this.#refusals > Math.max(10, this.#perSecond * burstSeconds);
  }
}
