import type { Timer } from "./clock.ts";
import type { World } from "./world.ts";

/** The bound of the first wait, and of the longest. Milliseconds. */
const firstMs = 500;
const maxMs = 20_000;
/** The longest that a timer can wait, in milliseconds: beyond it, it fires at once. A server may ask for more. */
export const longestWaitMs = 2 ** 31 - 1;

/**
 * How long to wait before the next try: anything up to a bound that doubles with each failure (full jitter), so that those
 * who failed together do not come back together.
 *
 * @param failures how many tries failed in a row before, 0 or more
 * @param random from 0 up to 1
 * @returns milliseconds
 */
export function backoff(failures: number, random: number): number {
  return random * Math.min(maxMs, firstMs * 2 ** failures);
}

/** Runs something once more after a failure. @param afterMs not before the server said */
export function retry(world: Pick<World, "clock" | "random">, run: () => void, failures = 0, afterMs = 0): Timer {
  return world.clock.setTimeout(run, afterMs + backoff(failures, world.random()));
}
