import { expect, test } from "bun:test";
import { timeLeft, timeOfDay } from "./time-text.ts";

test("a time of day includes milliseconds and leading zeros", () => {
  expect(timeOfDay(new Date(2026, 10, 20, 9, 5, 7, 12).getTime())).toBe("09:05:07.012");
});

test.each([
  [1_800_000, "30:00"],
  [1_799_001, "30:00"],
  [59_000, "0:59"],
  [1, "0:01"],
  [0, "0:00"],
  [-5, "0:00"],
  [3_723_000, "1:02:03"],
])("%d ms remaining reads as %s", (ms, text) => {
  expect(timeLeft(ms)).toBe(text);
});
