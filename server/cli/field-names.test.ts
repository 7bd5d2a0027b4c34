import { expect, test } from "bun:test";
import { withOptionNames } from "./field-names.ts";

const names = new Map([
  ["at", "--at"],
  ["every_s", "--every"],
  ["jitter_s", "--jitter"],
  ["message", "text"],
]);

test.each([
  [
    "the field at its beginning",
    "at: expected a time in the future, got 2020",
    "--at: expected a time in the future, got 2020",
  ],
  ["a field in its rule", "jitter_s: expected at most every_s, got 2", "--jitter: expected at most --every, got 2"],
  ["a field of what is published", "publish: message: expected a text", "text: expected a text"],
  ["not a word of its sentence", "jitter_s: expected at most 3", "--jitter: expected at most 3"],
  ["not what came", 'at: expected a time, got "every_s"', '--at: expected a time, got "every_s"'],
  ["not a field without an option", "tz: expected a zone", "tz: expected a zone"],
  ["not an inherited property", "constructor: to_string", "constructor: to_string"],
])("an error names the option for %s", (_, detail, expected) => {
  expect(withOptionNames(detail, names)).toBe(expected);
});
