import { expect, test } from "bun:test";
import { printable, printableJson } from "./printable.ts";

test.each([
  ["plain text, Grüße, 你好 👋", "plain text, Grüße, 你好 👋"],
  ["two\nlines\tand\r\nmore", "two\\nlines\\tand\\r\\nmore"],
  ["\u001b[2J\u001b]0;title\u0007", "\\x1b[2J\\x1b]0;title\\x07"],
  ["\u009b31m\u007f", "\\x9b31m\\x7f"],
  ["a\u2028b\u202ec\u2066d", "a\\u2028b\\u202ec\\u2066d"],
  ["half \ud800 a pair", "half \ufffd a pair"],
])("%j is printed as %j", (text, shown) => {
  expect(printable(text)).toBe(shown);
});

test("printable JSON is one line, and parses to the same value", () => {
  const value = { text: "\u001b[2J\u009b31m\u202e\n" };
  const shown = printableJson(value);
  expect(shown).toBe('{"text":"\\u001b[2J\\u009b31m\\u202e\\n"}');
  expect(JSON.parse(shown)).toEqual(value);
});
