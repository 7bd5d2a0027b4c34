import { describe, expect, test } from "bun:test";
import { MovedClock } from "./moved-clock.ts";
import { steadyTime } from "./steady-time.ts";

describe("steadyTime", () => {
  test("begins at the wall clock and follows what passes, not what the clock is set to", () => {
    const clock = new MovedClock(1000);
    clock.set(500);
    const now = steadyTime(clock);
    clock.set(12 * 3_600_000);
    expect(now()).toBe(1500);
    clock.move(20);
    clock.set(-24 * 3_600_000);
    expect(now()).toBe(1520);
  });
});
