import { describe, expect, test } from "bun:test";
import { medianOf, percentilesOf } from "./statistics.ts";

describe("statistics", () => {
  test("have no percentiles for an empty list", () => {
    expect(percentilesOf([])).toBeUndefined();
  });

  test("take the nearest rank of unsorted values", () => {
    const values = Array.from({ length: 1000 }, (_, at) => 1000 - at);
    expect(percentilesOf(values)).toEqual({ p50: 500, p99: 990, max: 1000 });
    expect(percentilesOf([7])).toEqual({ p50: 7, p99: 7, max: 7 });
  });

  test.each([
    [[3], 3],
    [[10, 2, 9], 9],
    [[10, 2, 9, 4], 6.5],
    [[], Number.NaN],
  ])("the median of %p is %p", (values, median) => {
    expect(medianOf(values)).toBe(median);
  });
});
