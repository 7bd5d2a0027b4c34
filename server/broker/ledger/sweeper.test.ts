import { expect, test } from "bun:test";
import { MovedClock } from "../../lib/moved-clock.ts";
import { Sweeper } from "./sweeper.ts";

test("slices of one pass follow each other soon, passes after a pause, until it is closed", async () => {
  const clock = new MovedClock();
  const begun = clock.now();
  const at: number[] = [];
  const sweeper = new Sweeper(clock, () => {
    at.push(clock.now() - begun);
    return at.length % 3 === 0;
  });
  await clock.moveInSteps(4100, 10);
  expect(at).toEqual([2000, 2010, 2020, 4000, 4010, 4020]);
  sweeper.close();
  await clock.moveInSteps(10_000, 10);
  expect(at).toHaveLength(6);
});

test("a slice during which it is closed is the last", async () => {
  const clock = new MovedClock();
  let slices = 0;
  const sweeper = new Sweeper(clock, async () => {
    slices++;
    sweeper.close();
    return false;
  });
  await clock.moveInSteps(10_000, 10);
  expect(slices).toBe(1);
});
