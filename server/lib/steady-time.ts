import type { Clock } from "./clock.ts";

/**
 * A clock for ages: starts at the current wall clock time and then advances monotonically. Setting the wall clock does not
 * affect it.
 * @returns a function that returns whole milliseconds since 1970, now or at a time of the monotonic clock
 */
export function steadyTime(clock: Clock): (monotonic?: number) => number {
  const aheadMs = clock.now() - clock.monotonic();
  return (monotonic = clock.monotonic()) => Math.floor(aheadMs + monotonic);
}
