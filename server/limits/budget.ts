import type { Allowance, Kind } from "./rates.ts";
import { TokenBucket } from "./token-bucket.ts";

/** The usage of one principal: its buckets, created when they are first needed, and its unfinished requests. */
export class Budget {
  readonly allowance: Allowance;
  /** An object instead of a map, which would take 250 bytes of each client that sends something. */
  readonly #buckets: Record<Kind, TokenBucket | undefined> = {
    messages: undefined,
    joins: undefined,
    answerBytes: undefined,
    presence: undefined,
    handshakes: undefined,
  };
  requests = 0;
  unfinishedBytes = 0;

  constructor(allowance: Allowance) {
    this.allowance = allowance;
  }

  /** The bucket; undefined if there is no limit. */
  bucket(kind: Kind, now: number): TokenBucket | undefined {
    const known = this.#buckets[kind];
    if (known !== undefined) return known;
    const rate = this.allowance.rates[kind];
    if (rate === undefined) return undefined;
    const bucket = new TokenBucket(rate, now);
    this.#buckets[kind] = bucket;
    return bucket;
  }

  /** Whether forgetting it would change nothing. */
  isUnused(now: number): boolean {
    if (this.requests > 0) return false;
    return Object.values(this.#buckets).every((bucket) => bucket === undefined || bucket.isFull(now));
  }
}
