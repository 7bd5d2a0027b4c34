/** How delays grow from one failure to the next. Milliseconds. */
export interface BackoffRange {
  readonly firstMs: number;
  readonly maxMs: number;
}

/**
 * The delay before the next try: half a bound that doubles with each failure, plus a random part of the other half, so that
 * clients that failed together do not retry together.
 *
 * @param failures consecutive failures, 1 or more
 * @param random a number from 0 up to 1, passed in by tests
 */
export function backoff(failures: number, range: BackoffRange = usual, random: number = Math.random()): number {
  const bound = Math.min(range.maxMs, range.firstMs * 2 ** Math.max(0, failures - 1));
  return Math.ceil(bound * (0.5 + random / 2));
}

const usual: BackoffRange = { firstMs: 100, maxMs: 5000 };
