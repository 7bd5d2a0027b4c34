import { expect, test } from "bun:test";
import { hereText } from "./channel-list.ts";

test.each([
  [{ count: 0, users: [] }, "0 here"],
  [{ count: 3, users: [] }, "3 here"],
  [{ count: 3, users: ["alice", "bob"] }, "3 here: alice, bob"],
])("who is here: %j", (here, text) => {
  expect(hereText(here)).toBe(text);
});

test("of many users some are named and the others counted", () => {
  const users = Array.from({ length: 40 }, (_, index) => `u${index}`);
  expect(hereText({ count: 41, users })).toMatch(/^41 here: u0, .*u11, 28 more$/);
});
