import { shuffled } from "../lib/shuffle.ts";

/** The conditions of a plan. */
export interface SlotPlanOptions {
  /** All slots are in this window. Milliseconds. */
  readonly windowMs: number;
  /** From 0 up to 1. */
  readonly random: () => number;
}

/**
 * Gives each connection of a node its slot: how long after the notice its client is to reconnect, in milliseconds.
 *
 * The window is divided into as many equal parts as the node has connections. Each connection gets one part, in random order
 * over all workers, and a random time within it. So in any interval of t ms, at most `t * total / windowMs + 2` connections of
 * the whole node are due. If each worker drew random times for itself, several times as many could be due at once.
 *
 * @param counts the number of connections of each worker
 * @returns for each worker one slot per connection, in random order
 */
export function planSlots(
  counts: readonly number[],
  { windowMs, random }: SlotPlanOptions,
): readonly (readonly number[])[] {
  const owners = shuffled(
    counts.flatMap((count, worker) => new Array<number>(count).fill(worker)),
    random,
  );
  const slots: number[][] = counts.map(() => []);
  for (const [part, owner] of owners.entries()) {
    const at = Math.floor(((part + random()) * windowMs) / owners.length);
    // A rounding error must not move the last slot to the end of the window.
    slots[owner]?.push(Math.min(at, Math.max(0, Math.ceil(windowMs) - 1)));
  }
  return slots.map((its) => shuffled(its, random));
}
