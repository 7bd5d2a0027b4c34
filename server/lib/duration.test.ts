import { describe, expect, test } from "bun:test";
import { formatDuration, parseDuration } from "./duration.ts";

describe("a duration", () => {
  test.each([
    [5, 5000],
    [0, 0],
    [0.5, 500],
    ["5", 5000],
    ["0", 0],
    [" 5 s ", 5000],
    ["250ms", 250],
    ["2m", 120_000],
    ["1.5h", 5_400_000],
    ["7d", 604_800_000],
  ])("%p is %d milliseconds", (written, ms) => {
    expect(parseDuration(written)).toBe(ms);
  });

  test.each([["soon"], ["-1"], [-1], [""], ["5 minutes"], ["1e3"], ["5M"], [Number.NaN], [true], [null], ["5s 3"]])(
    "%p is invalid",
    (written) => {
      expect(parseDuration(written)).toBeUndefined();
    },
  );

  test("that rounds to 0 is invalid, since 0 often means off", () => {
    expect(parseDuration("0.4ms")).toBeUndefined();
    expect(parseDuration("0.5ms")).toBe(1);
  });

  test.each([
    [0, "0"],
    [5, "5ms"],
    [1500, "1500ms"],
    [1000, "1s"],
    [1_800_000, "30m"],
    [7_200_000, "2h"],
    [86_400_000, "1d"],
  ])("of %d milliseconds is written as %s, and parsed back", (ms, written) => {
    expect(formatDuration(ms)).toBe(written);
    expect(parseDuration(written)).toBe(ms);
  });
});
