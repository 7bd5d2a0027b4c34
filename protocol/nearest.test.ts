import { expect, test } from "bun:test";
import { nearest } from "./nearest.ts";

const words = ["PORT", "HOST", "HISTORY_SIZE", "HISTORY_TTL"];

test.each([
  ["PROT", "PORT"],
  ["port", "PORT"],
  ["HISTRY_SIZE", "HISTORY_SIZE"],
  ["HISTORYSIZE", "HISTORY_SIZE"],
  ["HSOT", "HOST"],
])("the nearest name to %s is %s", (written, meant) => {
  expect(nearest(written, words)).toBe(meant);
});

test.each([["X"], ["ENTIRELY_ELSE"], ["PATH_TO"]])("%s has no near name", (written) => {
  expect(nearest(written, words)).toBeUndefined();
});

test("a name longer than all known ones has no near name, so a long one costs nothing", () => {
  const word = "a".repeat(100);
  expect(nearest(word, [word])).toBe(word);
  expect(nearest(`${word}a`, [word])).toBeUndefined();
});
