import { expect, test } from "bun:test";
import { nearest } from "./nearest.ts";

const words = ["PORT", "HOST", "HISTORY_SIZE", "HISTORY_TTL"];

test.each([
  ["PROT", "PORT"],
  ["port", "PORT"],
  ["HISTRY_SIZE", "HISTORY_SIZE"],
  ["HISTORYSIZE", "HISTORY_SIZE"],
  ["HSOT", "HOST"],
])("%s was meant to be %s", (written, meant) => {
  expect(nearest(written, words)).toBe(meant);
});

test.each([["X"], ["ENTIRELY_ELSE"], ["PATH_TO"]])("%s is near nothing", (written) => {
  expect(nearest(written, words)).toBeUndefined();
});

test("a name longer than any there is has no nearest, so a long one costs nothing", () => {
  const word = "a".repeat(100);
  expect(nearest(word, [word])).toBe(word);
  expect(nearest(`${word}a`, [word])).toBeUndefined();
});
