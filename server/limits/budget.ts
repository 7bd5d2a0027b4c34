import type { Allowance, Kind } from "./rates.ts";
import { TokenBucket } from "./token-bucket.ts";

/** What one principal has used: its buckets, created when they are first needed, and its unfinished requests. */
export class Budget {
  readonly allowance: Allowance;
  readonly #buckets = new Map<Kind, TokenBucket>();
  requests = 0;
  unfinishedBytes = 0;

  constructor(allowance: Allowance) {
    this.allowance = allowance;
  }

  /** The bucket; undefined if there is no limit. */
  bucket(kind: Kind, now: number): TokenBucket | undefined {
    const known = this.#buckets.get(kind);
    if (known !== undefined) return known;
    const rate = this.allowance.rates[kind];
    if (rate === undefined) return undefined;
    const bucket = new TokenBucket(rate, now);
    this.#buckets.set(kind, bucket);
    return bucket;
  }

  /** Whether forgetting it would change nothing. */
  isUnused(now: number): boolean {
    if (this.requests > 0) return false;
    for (const bucket of this.#buckets.values()) if (!bucket.isFull(now)) return false;
    return true;
  }
}
