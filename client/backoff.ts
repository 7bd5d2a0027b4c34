import type { Clock, Timer } from "./clock.ts";

/** The upper bound of the first delay, and of the longest. Milliseconds. */
const firstMs = 500;
const maxMs = 20_000;
/** The longest delay a server can ask for. Some timers overflow after 24 days. Milliseconds. */
const maxAskedMs = 86_400_000;

/**
 * How long to wait before the next try: a random part of a bound that doubles with each failure, so that clients that failed
 * together do not retry together. At least a tenth of the bound, so that no client retries in a tight loop.
 *
 * @param failures consecutive failures so far, 0 or more
 * @param random from 0 up to 1
 * @returns milliseconds
 */
export function backoff(failures: number, random: number): number {
  return (0.1 + 0.9 * random) * Math.min(maxMs, firstMs * 2 ** failures);
}

/** The delay a server asked for, in milliseconds: 0 for anything but a positive number, and at most a day. */
export function askedWait(ms = 0): number {
  return Math.min(maxAskedMs, Math.max(0, ms)) || 0;
}

/** Runs something again after a failure. @param afterMs the minimum delay the server asked for */
export function retry(
  environment: { readonly clock: Clock; random(): number },
  run: () => void,
  failures: number,
  afterMs?: number,
): Timer {
  return environment.clock.setTimeout(run, askedWait(afterMs) + backoff(failures, environment.random()));
}
