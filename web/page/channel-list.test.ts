import { expect, test } from "bun:test";
import { hereText } from "./channel-list.ts";

test.each([
  [{ count: 0, users: [] }, "0 here"],
  [{ count: 3, users: [] }, "3 here"],
  [{ count: 3, users: ["alice", "bob"] }, "3 here: alice, bob"],
])("the users on the channel: %j", (here, text) => {
  expect(hereText(here)).toBe(text);
});

test("names some of many users and counts the others", () => {
  const users = Array.from({ length: 40 }, (_, index) => `u${index}`);
  expect(hereText({ count: 41, users })).toMatch(/^41 here: u0, .*u11, 28 more$/);
});
