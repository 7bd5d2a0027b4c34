import { expect, test } from "bun:test";
import { ruleLines } from "./rule-lines.ts";

test.each([
  ["a.yaml", 'port: 1\nchannels:\n  - { match: "a" }\n\n  # a comment\n  - match: b\n    publish: nobody\n', [3, 6]],
  ["a.yml", 'channels: [{ match: "a" },\n  { match: "b" }]\n', [1, 2]],
  ["a.json", '{\n "channels": [\n {"match":"a"},\n {"match":"b"}]}', [3, 4]],
  ["a.toml", 'port = 1\n[[channels]]\nmatch = "a"\n\n[[ channels ]]\nmatch = "b"\n', [2, 5]],
  ["a.toml", 'channels = [{ match = "a" }]\n', []],
  ["a.yaml", "port: 1\n", []],
])("the rules of %s begin on their lines", (path, text, lines) => {
  expect(ruleLines(path, text)).toEqual(lines);
});
