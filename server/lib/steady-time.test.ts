import { describe, expect, test } from "bun:test";
import { MovedClock } from "./moved-clock.ts";
import { steadyTime } from "./steady-time.ts";

describe("steadyTime", () => {
  test("starts at the wall clock, then follows elapsed time, not changes of the wall clock", () => {
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
