import { expect, test } from "bun:test";
import { MovedClock } from "../lib/moved-clock.ts";
import { startUptime } from "./health.ts";

test("the uptime does not change when the wall clock is set", () => {
  const clock = new MovedClock();
  const uptimeS = startUptime(clock);
  clock.set(12 * 3_600_000);
  expect(uptimeS()).toBe(0);
  clock.move(1999);
  expect(uptimeS()).toBe(1);
  clock.set(-24 * 3_600_000);
  clock.move(1);
  expect(uptimeS()).toBe(2);
});
