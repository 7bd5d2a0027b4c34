import { expect, test } from "bun:test";
import { presentUsersText } from "./channel-list.ts";

test.each([
  [{ count: 0, users: [] }, "0 here"],
  [{ count: 3, users: [] }, "3 here"],
  [{ count: 3, users: ["alice", "bob"] }, "3 here: alice, bob"],
])("the users on the channel: %j", (here, text) => {
  expect(presentUsersText(here)).toBe(text);
});

test("shows the name that a user's token gives", () => {
  const members = [{ user_id: "u1", info: { name: "Alice" } }, { user_id: "u2", info: 7 }, {}];
  expect(presentUsersText({ count: 3, users: ["u1", "u2"], members })).toBe("3 here: Alice, u2");
});

test("names some of many users and counts the others", () => {
  const users = Array.from({ length: 40 }, (_, index) => `u${index}`);
  expect(presentUsersText({ count: 41, users })).toMatch(/^41 here: u0, .*u11, 28 more$/);
});
