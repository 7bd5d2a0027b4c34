import { describe, expect, test } from "bun:test";
import { alignedDelay } from "./aligned-delay.ts";

const at = (ms: number) => ({ monotonic: () => ms });

describe("an aligned delay", () => {
  test.each([
    [10_000, 2000],
    [10_001, 1999], // the last run was a little late
    [9999.5, 2000.5], // or early
    [10_999, 1001],
    [11_001, 2999],
  ])("at %d ms is %d ms for a period of 2 s", (now, delay) => {
    expect(alignedDelay(at(now), 2000)).toBe(delay);
  });

  test("makes timers that were started at different times run together", () => {
    const starts = Array.from({ length: 200 }, (_, n) => 5000 + n * 9.7);
    const runs = starts.map((now) => Math.round(now + alignedDelay(at(now), 1000)) % 1000);
    expect(new Set(runs)).toEqual(new Set([0]));
  });

  test("is longer than half a period, and at most one and a half", () => {
    for (let now = 0; now < 3000; now += 7) {
      const delay = alignedDelay(at(now), 1000);
      expect(delay).toBeGreaterThanOrEqual(500);
      expect(delay).toBeLessThanOrEqual(1500);
    }
  });
});
