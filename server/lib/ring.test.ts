import { describe, expect, test } from "bun:test";
import { fc } from "../../tests/property.ts";
import { Ring } from "./ring.ts";

interface Item {
  readonly bytes: number;
  readonly time: number;
}

const measure = { bytesOf: (item: Item) => item.bytes, timeOf: (item: Item) => item.time };
const unbounded = { maxItems: Infinity, maxBytes: Infinity, minTime: -Infinity };

function ringOf(...items: Item[]): Ring<Item> {
  const ring = new Ring(measure);
  for (const item of items) ring.push(item);
  return ring;
}

/** What `take` should return, computed in the simplest way. */
function taken(items: readonly Item[], from: number, maxItems: number, maxBytes: number): Item[] {
  const page = items.slice(from, from + maxItems);
  const bytesUpTo = (index: number) => page.slice(0, index + 1).reduce((sum, { bytes }) => sum + bytes, 0);
  return page.filter((_, index) => index === 0 || bytesUpTo(index) <= maxBytes);
}

describe("Ring", () => {
  test("returns nothing if it is empty", () => {
    const ring = ringOf();
    expect([ring.length, ring.bytes, ring.at(0), ring.shift()]).toEqual([0, 0, undefined, undefined]);
    expect(ring.slice(0, 10)).toEqual([]);
    expect(ring.exceeds(0, 0, Infinity)).toBe(false);
  });

  test("has no item before the first and none after the last", () => {
    const ring = ringOf({ bytes: 1, time: 1 }, { bytes: 2, time: 2 });
    expect([ring.at(-1), ring.at(0)?.bytes, ring.at(1)?.bytes, ring.at(2)]).toEqual([undefined, 1, 2, undefined]);
  });

  test("has none there either if items were evicted, or if its items start in the middle of its slots", () => {
    const ring = new Ring(measure);
    for (let time = 1; time <= 6; time++) ring.push({ bytes: 1, time });
    for (let gone = 0; gone < 4; gone++) ring.shift();
    expect([ring.at(-1), ring.at(0)?.time, ring.at(1)?.time, ring.at(2)]).toEqual([undefined, 5, 6, undefined]);
  });

  test("returns items from the first on if an earlier one is requested, and none after the last", () => {
    const ring = ringOf({ bytes: 1, time: 1 }, { bytes: 2, time: 2 }, { bytes: 3, time: 3 });
    const times = (from: number) => ring.take(from, 2, 100).map(({ time }) => time);
    expect([times(-1), times(0), times(1), times(2), times(3)]).toEqual([[1, 2], [1, 2], [2, 3], [3], []]);
  });

  test.each([
    ["the maximum number of items", { maxItems: 2 }, false],
    ["one item too many", { maxItems: 1 }, true],
    ["the maximum number of bytes", { maxBytes: 30 }, false],
    ["one byte too many", { maxBytes: 29 }, true],
    ["an item of the maximum age", { minTime: 1000 }, false],
    ["an item one millisecond too old", { minTime: 1001 }, true],
  ])("knows whether it exceeds its limits with %s", (_, bounds, exceeds) => {
    const ring = ringOf({ bytes: 10, time: 1000 }, { bytes: 20, time: 1001 });
    const { maxItems, maxBytes, minTime } = { ...unbounded, ...bounds };
    expect(ring.exceeds(maxItems, maxBytes, minTime)).toBe(exceeds);
  });

  test("behaves like an array, whatever is pushed and shifted", () => {
    const step = fc.oneof(
      fc.nat(1000).map((bytes) => ({ bytes, time: bytes })),
      fc.constant("shift" as const),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), fc.nat(50), fc.nat(50), (steps, from, to) => {
        const ring = new Ring(measure);
        const model: Item[] = [];
        for (const it of steps) {
          if (it === "shift") {
            expect(ring.shift()).toBe(model.shift());
          } else {
            model.push(it);
            ring.push(it);
          }
          expect(ring.length).toBe(model.length);
          expect(ring.bytes).toBe(model.reduce((sum, { bytes }) => sum + bytes, 0));
        }
        expect(ring.slice(0, ring.length)).toEqual(model);
        expect(ring.slice(from, to)).toEqual(model.slice(from, to));
        for (const maxBytes of [0, 500, 5000])
          expect(ring.take(from, to, maxBytes)).toEqual(taken(model, from, to, maxBytes));
      }),
    );
  });

  test("includes an item without bytes on the page that the previous one filled, and measures each item once", () => {
    const measured: number[] = [];
    const ring = new Ring<Item>({ ...measure, bytesOf: ({ bytes }) => measured.push(bytes) && bytes });
    for (const bytes of [10, 0, 1]) ring.push({ bytes, time: 0 });
    expect(ring.take(0, 10, 10).map(({ bytes }) => bytes)).toEqual([10, 0]);
    ring.shift();
    expect([ring.bytes, measured]).toEqual([1, [10, 0, 1]]);
  });

  test("keeps its order in a long queue that runs for a long time", () => {
    const ring = new Ring(measure);
    for (let time = 0; time < 100_000; time++) {
      ring.push({ bytes: 1, time });
      if (ring.length > 1000) expect(ring.shift()?.time).toBe(time - 1000);
    }
    expect([ring.at(0)?.time, ring.at(999)?.time, ring.bytes]).toEqual([99_000, 99_999, 1000]);
  });
});
