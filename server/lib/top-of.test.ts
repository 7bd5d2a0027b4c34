import { expect, test } from "bun:test";
import { fc } from "../../tests/property.ts";
import { topOf } from "./top-of.ts";

test("the top of a list is the beginning of the sorted list", () => {
  const item = fc.record({ value: fc.integer({ min: 0, max: 5 }), name: fc.integer() });
  fc.assert(
    fc.property(fc.array(item), fc.integer({ min: 0, max: 4 }), (items, count) => {
      const sorted = items.toSorted((a, b) => b.value - a.value);
      expect(topOf(items, count, ({ value }) => value)).toEqual(sorted.slice(0, count));
    }),
  );
});
