import { expect, test } from "bun:test";
import { tableKey } from "./table-key.ts";

test("a text in ASCII is its own key", () => {
  expect(tableKey("room:1\nid-7")).toBe("room:1\nid-7");
});

test("of any other text no character remains, and different texts have different keys", () => {
  const texts = [
    "a\né",
    "a\nè",
    "a\n\ud800",
    "a\n\udc00",
    "a\n\uacc9\u962e\u4b93\u8bb80001",
    "a\n\uacc9\u962e\u4b93\u8bb80002",
  ];
  const keys = texts.map(tableKey);
  for (const key of keys) expect(key).toMatch(/^[\w-]{43}$/);
  expect(new Set(keys).size).toBe(texts.length);
  expect(texts.map(tableKey)).toEqual(keys);
});
