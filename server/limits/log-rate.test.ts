import { expect, test } from "bun:test";
import { MovedClock } from "../lib/moved-clock.ts";
import { LogRate } from "./log-rate.ts";

test("a burst of 100 lines and then 10 in a second are written, and each says how many were left out since the last one", () => {
  const clock = new MovedClock();
  const rate = new LogRate(clock);
  const take = (lines: number) => Array.from({ length: lines }, () => rate.take());
  expect(take(103)).toStrictEqual([...Array(100).fill(0), undefined, undefined, undefined]);
  clock.move(100);
  expect(take(2)).toStrictEqual([3, undefined]);
  clock.move(200);
  expect(take(3)).toStrictEqual([1, 0, undefined]);
});
