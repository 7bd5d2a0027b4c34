import { expect, test } from "bun:test";
import { makeSystemClock } from "./clock.ts";

test("the clock keeps running while the machine sleeps and when the wall clock is set back", () => {
  let [wall, steady] = [1_000_000, 50];
  const clock = makeSystemClock(
    () => wall,
    () => steady,
  );
  const pass = (wallMs: number, steadyMs: number) => {
    const before = clock.monotonic();
    wall += wallMs;
    steady += steadyMs;
    return clock.monotonic() - before;
  };
  expect(pass(5000, 5000)).toBe(5000);
  expect(pass(60_000, 10)).toBe(60_000);
  expect(pass(-3_600_000, 20)).toBe(20);
  expect(pass(30, 30)).toBe(30);
  // A wall clock counts whole milliseconds. Reading it often must not add up rounding errors.
  for (let at = 0; at < 1000; at++) pass(at % 2, 0.5);
  expect(pass(0, 0)).toBe(0);
  expect(clock.monotonic()).toBe(steady + 59_990);
  expect(clock.now()).toBe(wall);
});
