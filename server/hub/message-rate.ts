/** Frames that may come at once are this many seconds' worth. */
const burstSeconds = 2;

/**
 * How many frames one connection may send: a token bucket. Who goes on while it is empty is refused, and after as many
 * refusals in a row as the bucket holds, has shown that it does not listen.
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
   * One frame.
   * @param cost how many it counts as, 1 or more; never more than the bucket holds
   * @returns 0 to let it pass, else the milliseconds until it would
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

  /** It was told often enough. */
  get isAbused(): boolean {
    return this.#refusals > Math.max(10, this.#perSecond * burstSeconds);
  }
}
