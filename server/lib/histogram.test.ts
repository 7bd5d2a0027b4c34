import { describe, expect, test } from "bun:test";
import { fc } from "../../tests/property.ts";
import { Histogram } from "./histogram.ts";

describe("a histogram", () => {
  test("counts a value in the first bucket whose bound it does not exceed", () => {
    const histogram = new Histogram([1, 2, 5]);
    for (const value of [0, 1, 1.001, 2, 5, 5.001]) histogram.observe(value);
    expect(histogram.cumulative()).toEqual([2, 4, 5, 6]);
    expect(histogram.sum).toBeCloseTo(14.002);
  });

  test("counts a value that was observed several times", () => {
    const histogram = new Histogram([1, 2]);
    histogram.observe(2, 1000);
    histogram.observe(3, 0);
    expect(histogram.cumulative()).toEqual([0, 1000, 1000]);
    expect(histogram.sum).toBe(2000);
  });

  test("agrees with counting the values one by one", () => {
    const bounds = [1, 10, 100];
    fc.assert(
      fc.property(fc.array(fc.nat(200)), (values) => {
        const histogram = new Histogram(bounds);
        for (const value of values) histogram.observe(value);
        const expected = bounds.map((bound) => values.filter((it) => it <= bound).length);
        expect(histogram.cumulative()).toEqual([...expected, values.length]);
        expect(histogram.sum).toBe(values.reduce((sum, it) => sum + it, 0));
      }),
    );
  });
});
