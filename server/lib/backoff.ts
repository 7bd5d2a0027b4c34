/** How waits grow from one failure to the next. All in milliseconds. */
export interface BackoffRange {
  readonly firstMs: number;
  readonly maxMs: number;
}

/**
 * The wait before the next try: half a bound that doubles with each failure, and a random part of the other half, so that
 * those who failed together do not come back together.
 *
 * @param failures how many tries failed in a row, 1 or more
 * @param random a number from 0 up to 1, given by tests
 */
export function backoff(failures: number, range: BackoffRange = usual, random: number = Math.random()): number {
  const bound = Math.min(range.maxMs, range.firstMs * 2 ** Math.max(0, failures - 1));
  return Math.ceil(bound * (0.5 + random / 2));
}

const usual: BackoffRange = { firstMs: 100, maxMs: 5000 };
