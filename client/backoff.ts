import type { Clock, Timer } from "./clock.ts";

/** The bound of the first wait, and of the longest. Milliseconds. */
const firstMs = 500;
const maxMs = 20_000;
/** The longest wait that a server can ask for: some timers cannot wait for more than 24 days. Milliseconds. */
const maxAskedMs = 86_400_000;

/**
 * How long to wait before the next try: a random part of a bound that doubles with each failure, so that clients that failed
 * together do not return together. At least a tenth of it: whatever a server says, nobody asks it in a loop.
 *
 * @param failures how many tries failed in a row before, 0 or more
 * @param random from 0 up to 1
 * @returns milliseconds
 */
export function backoff(failures: number, random: number): number {
  return (0.1 + 0.9 * random) * Math.min(maxMs, firstMs * 2 ** failures);
}

/** A wait that a server asked for, in milliseconds: 0 for anything but a number above 0, and a day at most. */
export function askedWait(ms: number | undefined): number {
  return Math.min(maxAskedMs, Math.max(0, ms ?? 0)) || 0;
}

/** Runs something once more after a failure. @param afterMs not before the server said */
export function retry(
  world: { readonly clock: Clock; random(): number },
  run: () => void,
  failures: number,
  afterMs?: number,
): Timer {
  return world.clock.setTimeout(run, askedWait(afterMs) + backoff(failures, world.random()));
}
