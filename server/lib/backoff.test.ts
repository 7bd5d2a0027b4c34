import { describe, expect, test } from "bun:test";
import { backoff } from "./backoff.ts";

describe("the wait before a retry", () => {
  test.each([
    [1, 50, 100],
    [2, 100, 200],
    [3, 200, 400],
    [6, 1600, 3200],
    [7, 2500, 5000],
    [1000, 2500, 5000],
  ])("after %i failures is between %i and %i ms", (failures, least, most) => {
    expect([backoff(failures, undefined, 0), backoff(failures, undefined, 1)]).toEqual([least, most]);
  });

  test("uses the given range", () => {
    const range = { firstMs: 10, maxMs: 30 };
    expect([1, 2, 3, 4].map((failures) => backoff(failures, range, 1))).toEqual([10, 20, 30, 30]);
  });

  test("is random, so that clients that failed together do not return together", () => {
    const waits = new Set(Array.from({ length: 50 }, () => backoff(7)));
    expect(waits.size).toBeGreaterThan(10);
  });
});
