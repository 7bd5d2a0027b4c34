import { expect, test } from "bun:test";
import { formatPageKey, keyOf, parsePageKey, userOfKey } from "./page-key.ts";

test.each([
  [{ userId: "alice", id: "c_1" }, "alice/c_1"],
  [{ userId: undefined, id: "c_1-7" }, "/c_1-7"],
  [{ userId: "a/b c", id: "c_-_9" }, "a/b c/c_-_9"],
])("a page begins after %j", (presence, text) => {
  const key = keyOf(presence);
  expect(formatPageKey(key)).toBe(text);
  expect(parsePageKey(text)).toBe(key);
  expect(userOfKey(key)).toBe(presence.userId ?? "");
});

test.each(["", "alice", "alice/", "alice/c 1", "a\u0000b/c_1", `${"x".repeat(129)}/c_1`, "/c_é"])(
  "%j begins no page",
  (text) => {
    expect(parsePageKey(text)).toBeUndefined();
  },
);

test("connections without a user come first, and those of one user stay together", () => {
  const keys = [
    { userId: "a", id: "c_2" },
    { userId: "a b", id: "c_0" },
    { userId: undefined, id: "c_9" },
    { userId: "a", id: "c_1" },
  ].map(keyOf);
  expect(keys.toSorted().map(formatPageKey)).toEqual(["/c_9", "a/c_1", "a/c_2", "a b/c_0"]);
});
