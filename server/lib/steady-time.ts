import type { Clock } from "./clock.ts";

/**
 * Makes a time to reckon ages with: the wall clock's value now, and from here on what really passes. Setting the wall clock
 * does not move it.
 * @returns a function that gives whole milliseconds since 1970, as the wall clock stood when this was called
 */
export function steadyTime(clock: Clock): () => number {
  const aheadMs = clock.now() - clock.monotonic();
  return () => Math.floor(aheadMs + clock.monotonic());
}
