import { describe, expect, test } from "bun:test";
import { MovedClock } from "../lib/moved-clock.ts";
import { Periodic } from "./periodic.ts";

const intervalMs = 10_000;

/** A periodic task that records when it ran, and for which scheduled time. */
function makePeriodic(start = Date.UTC(2026, 0, 1, 0, 0, 3), interval = intervalMs) {
  const clock = new MovedClock(start);
  const slots: number[] = [];
  const times: number[] = [];
  const periodic = new Periodic(interval, clock, async (slot) => {
    slots.push(slot);
    times.push(clock.now());
  });
  return { clock, slots, times, periodic };
}

describe("a periodic task", () => {
  test("runs at multiples of its interval, for the first time at the next one", () => {
    const { clock, slots, times, periodic } = makePeriodic();
    periodic.start();
    clock.move(6999);
    expect(times).toEqual([]);
    clock.move(1);
    expect(times.map((at) => at % intervalMs)).toEqual([0]);
    expect(slots).toEqual(times.map((at) => at / intervalMs));
  });

  test("does not drift in an hour of late timers", () => {
    const { clock, slots, times, periodic } = makePeriodic();
    periodic.start();
    // The event loop runs timers only every 37 ms. Each one is late, and none delays the next.
    for (let passed = 0; passed < 3_600_000; passed += 37) clock.move(37);
    expect(times).toHaveLength(360);
    expect(slots).toEqual(slots.map((_, index) => (slots[0] ?? 0) + index));
  });

  test("has the same number for the same time on every server", () => {
    const [one, two] = [makePeriodic(), makePeriodic(Date.UTC(2026, 0, 1, 0, 0, 9))];
    for (const { periodic } of [one, two]) periodic.start();
    one.clock.move(30_000);
    two.clock.move(24_000);
    expect(two.slots).toEqual(one.slots);
  });

  test("skips the runs that a pause of the machine prevented, and does not make up for them in a burst", () => {
    const { clock, slots, periodic } = makePeriodic();
    periodic.start();
    clock.move(7000);
    clock.set(95_000);
    clock.move(20_000);
    expect(slots.length).toBeLessThanOrEqual(3);
    expect(new Set(slots).size).toBe(slots.length);
  });

  test("runs once for each time if the clock is set back a little", () => {
    const { clock, slots, periodic } = makePeriodic();
    periodic.start();
    clock.move(7500);
    clock.set(-1000);
    clock.move(11_000);
    expect(slots).toHaveLength(2);
    expect(new Set(slots).size).toBe(2);
  });

  test("continues if the clock is set back a lot", () => {
    const { clock, slots, periodic } = makePeriodic();
    periodic.start();
    clock.move(7000);
    clock.set(-3_600_000);
    clock.move(60_000);
    expect(slots.length).toBeGreaterThanOrEqual(5);
  });

  test("continues after a run that failed", async () => {
    const clock = new MovedClock();
    let runs = 0;
    const periodic = new Periodic(intervalMs, clock, async () => {
      runs++;
      throw new Error("away");
    });
    periodic.start();
    await clock.moveInSteps(30_000, intervalMs);
    expect(runs).toBe(3);
  });

  test("never runs with an interval of 0, before its start, or after its end", () => {
    const never = makePeriodic(undefined, 0);
    never.periodic.start();
    never.clock.move(60_000);
    const { clock, slots, periodic } = makePeriodic();
    clock.move(60_000);
    periodic.start();
    periodic.start();
    clock.move(10_000);
    periodic.close();
    periodic.close();
    clock.move(60_000);
    expect([never.slots, slots.length]).toEqual([[], 1]);
  });
});
