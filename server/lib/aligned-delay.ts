import type { Clock } from "./clock.ts";

/**
 * The delay of a periodic timer, in milliseconds: until the multiple of `periodMs` that is nearest to one period from now.
 *
 * Timers with the same period, or with multiples of it, then run in the same turn. An idle process wakes up once per period
 * instead of once per timer. The cost there is waking up.
 */
export function alignedDelay(clock: Pick<Clock, "monotonic">, periodMs: number): number {
  const now = clock.monotonic();
  return Math.ceil(now / periodMs + 0.5) * periodMs - now;
}
