import { describe, expect, test } from "bun:test";
import { MovedClock } from "../lib/moved-clock.ts";
import { FlushWindow } from "./flush-window.ts";

/** A window whose flushes take as long as the test says. */
function makeWindow(windowMs = 5) {
  const clock = new MovedClock();
  const began = clock.now();
  const flushes: number[] = [];
  const it = {
    clock,
    flushes,
    costMs: 0,
    window: new FlushWindow(windowMs, clock, () => {
      flushes.push(clock.now() - began);
      it.window.recordCost(it.costMs, clock.monotonic());
    }),
    /** As if every flush so far had taken this long. */
    settleAt(costMs: number) {
      it.costMs = costMs;
      for (let flush = 0; flush < 100; flush++) it.window.recordCost(costMs, clock.monotonic());
    },
  };
  return it;
}

describe("the flush window", () => {
  test("flushes in the turn of the request, once, however many requests there are", () => {
    const { window, clock, flushes } = makeWindow();
    window.request();
    window.request();
    expect(flushes).toEqual([]);
    clock.move(0);
    expect(flushes).toEqual([0]);
    clock.move(1000);
    expect(flushes).toEqual([0]);
  });

  test("does not wait for more messages while flushes are cheap", () => {
    const { window, clock, flushes, settleAt } = makeWindow();
    settleAt(0.9);
    for (let message = 0; message < 3; message++) {
      window.request();
      clock.move(0);
    }
    expect(flushes).toEqual([0, 0, 0]);
  });

  test("when flushes are slow, sends the first message after a pause at once and batches the next ones", () => {
    const { window, clock, flushes, settleAt } = makeWindow();
    settleAt(2);
    clock.move(100);
    window.request();
    clock.move(0);
    for (const pause of [1, 2]) {
      clock.move(pause);
      window.request();
    }
    clock.move(50);
    expect(flushes).toEqual([100, 105]);
  });

  test.each([
    [5, 0.99, 0],
    [5, 1.01, 5],
    [5, 2.5, 5],
    [5, 4, 8],
    [5, 10, 20],
    [5, 15, 20],
    [5, 30, 30],
    [0, 30, 0],
    [100, 2, 100],
    [1000, 30, 1000],
    [100, 300, 300],
    [1000, 0.5, 0],
  ])("with a window of %p ms and flushes of %p ms, later messages wait %p ms", (windowMs, costMs, waitMs) => {
    const { window, settleAt } = makeWindow(windowMs);
    settleAt(costMs);
    expect(window.waitMs).toBeCloseTo(waitMs, 3);
  });

  test("one pause of the machine does not make it wait long", () => {
    const { window, clock } = makeWindow();
    window.recordCost(3.9, clock.monotonic());
    expect(window.waitMs).toBe(0);
    for (let flush = 0; flush < 4; flush++) window.recordCost(40, clock.monotonic());
    expect(window.waitMs).toBeGreaterThan(20);
    for (let flush = 0; flush < 20; flush++) window.recordCost(0.1, clock.monotonic());
    expect(window.waitMs).toBe(0);
  });
});
