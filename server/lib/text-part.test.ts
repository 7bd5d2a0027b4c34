import { expect, test } from "bun:test";
import { partEnd } from "./text-part.ts";

test.each([
  ["abcdef", 0, 2, 2],
  ["abcdef", 4, 2, 6],
  ["abcdef", 5, 2, 6],
  ["a😀b", 0, 2, 3], // not between the halves of the pair
  ["a😀b", 0, 3, 3],
  ["a😀", 0, 2, 3],
  ["a\ud83d", 0, 2, 2], // half of a pair at the end of the text
  ["", 0, 2, 0],
])("the part of %j from %i with %i characters ends at %i", (text, from, length, end) => {
  expect(partEnd(text, from, length)).toBe(end);
});

test("the parts of a text are the text", () => {
  const text = "x😀".repeat(1000);
  let joined = "";
  for (let from = 0, end = 0; from < text.length; from = end) {
    end = partEnd(text, from, 7);
    joined += Buffer.from(text.slice(from, end)).toString(); // half of a pair would become U+FFFD
  }
  expect(joined).toBe(text);
});
