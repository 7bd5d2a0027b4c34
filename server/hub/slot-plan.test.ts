import { describe, expect, test } from "bun:test";
import { fc } from "../../tests/property.ts";
import { makeRandom } from "../../tests/seed.ts";
import { planSlots } from "./slot-plan.ts";

/** A random node: how many connections each worker has, the window, and the random numbers of the plan. */
const nodes = fc.record({
  counts: fc.array(fc.nat(300), { minLength: 1, maxLength: 8 }),
  windowMs: fc.integer({ min: 1, max: 600_000 }),
  randoms: fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { minLength: 1, maxLength: 50 }),
});

function cycling(values: readonly number[]): () => number {
  let taken = 0;
  return () => values[taken++ % values.length] ?? 0;
}

/** The largest number of slots in any interval of this length. */
function mostWithin(slots: readonly number[], ms: number): number {
  const sorted = slots.toSorted((a, b) => a - b);
  let most = 0;
  for (let from = 0, to = 0; to < sorted.length; to++) {
    while ((sorted[to] ?? 0) - (sorted[from] ?? 0) > ms) from++;
    most = Math.max(most, to - from + 1);
  }
  return most;
}

describe("the slots of a node", () => {
  test("are one per connection, whichever worker has it", () => {
    const property = fc.property(nodes, ({ counts, windowMs, randoms }) => {
      const plan = planSlots(counts, { windowMs, random: cycling(randoms) });
      expect(plan.map((slots) => slots.length)).toEqual(counts);
    });
    fc.assert(property);
  });

  test("are all within the window", () => {
    const property = fc.property(nodes, ({ counts, windowMs, randoms }) => {
      const slots = planSlots(counts, { windowMs, random: cycling(randoms) }).flat();
      expect(slots.every((slot) => Number.isInteger(slot) && slot >= 0 && slot < windowMs)).toBe(true);
    });
    fc.assert(property);
  });

  test("exceed the even rate by at most two connections in any interval, over all workers together", () => {
    const property = fc.property(nodes, fc.double({ min: 0, max: 1, noNaN: true }), (node, share) => {
      const { counts, windowMs, randoms } = node;
      const slots = planSlots(counts, { windowMs, random: cycling(randoms) }).flat();
      const ms = share * windowMs;
      // One more millisecond, because slots are whole milliseconds.
      expect(mostWithin(slots, ms)).toBeLessThanOrEqual(((ms + 1) * slots.length) / windowMs + 2);
    });
    fc.assert(property);
  });

  test("do not follow the order of the workers", () => {
    const [first = [], second = []] = planSlots([500, 500], { windowMs: 10_000, random: makeRandom() });
    const mean = (slots: readonly number[]) => slots.reduce((sum, slot) => sum + slot, 0) / slots.length;
    expect(Math.abs(mean(first) - mean(second))).toBeLessThan(2500);
    expect(first).not.toEqual(first.toSorted((a, b) => a - b));
  });
});
