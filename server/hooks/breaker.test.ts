import { describe, expect, test } from "bun:test";
import { MovedClock } from "../lib/moved-clock.ts";
import { Breaker } from "./breaker.ts";

function opened() {
  const clock = new MovedClock();
  const breaker = new Breaker(clock);
  for (let at = 0; at < 5; at++) {
    expect(breaker.enter()).toBe(true);
    expect(breaker.failed()).toBe(at === 4);
  }
  return { clock, breaker };
}

describe("a breaker", () => {
  test("opens after five failures in a row", () => {
    const { breaker } = opened();
    expect(breaker.isOpen).toBe(true);
    expect(breaker.enter()).toBe(false);
  });

  test("stays closed if there are successes in between", () => {
    const breaker = new Breaker(new MovedClock());
    for (let at = 0; at < 20; at++) {
      expect(breaker.enter()).toBe(true);
      breaker.failed();
      if (at % 4 === 3) breaker.succeeded();
    }
    expect(breaker.isOpen).toBe(false);
  });

  test("lets one request through after the pause, and closes if that succeeds", () => {
    const { clock, breaker } = opened();
    clock.move(breaker.waitMs);
    expect([breaker.enter(), breaker.enter()]).toEqual([true, false]);
    breaker.succeeded();
    expect([breaker.enter(), breaker.enter()]).toEqual([true, true]);
  });

  test("pauses longer after each failed try, up to half a minute", () => {
    const { clock, breaker } = opened();
    const pauses: number[] = [];
    for (let at = 0; at < 12; at++) {
      pauses.push(breaker.waitMs);
      clock.move(breaker.waitMs);
      expect(breaker.enter()).toBe(true);
      expect(breaker.failed()).toBe(false);
    }
    expect(pauses[0]).toBeLessThanOrEqual(1000);
    expect(pauses[11]).toBeGreaterThanOrEqual(15_000);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(30_000);
  });

  test("ignores late failures of requests that were under way when it opened", () => {
    const { breaker } = opened();
    const { waitMs } = breaker;
    for (let at = 0; at < 50; at++) expect(breaker.failed()).toBe(false);
    expect(breaker.waitMs).toBe(waitMs);
  });
});
