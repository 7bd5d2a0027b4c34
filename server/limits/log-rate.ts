import type { Clock } from "../lib/clock.ts";
import { TokenBucket } from "./token-bucket.ts";

/** Someone who sends many bad requests must not fill the disk with the log. */
const rate = { perSecond: 10, burst: 100 };

/** Limits how often one kind of log line is written, and counts those left out. */
export class LogRate {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #bucket: TokenBucket;
  #leftOut = 0;

  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
    this.#bucket = new TokenBucket(rate, clock.monotonic());
  }

  /** @returns how many lines were left out since the last one; undefined if this one is to be left out, too */
  take(): number | undefined {
    if (this.#bucket.take(this.#clock.monotonic(), 1) > 0) {
      this.#leftOut++;
      return undefined;
    }
    const leftOut = this.#leftOut;
    this.#leftOut = 0;
    return leftOut;
  }
}
