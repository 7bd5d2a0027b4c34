import { expect, test } from "bun:test";
import { RecentSenders } from "./recent-senders.ts";

test("names are listed once, the latest first", () => {
  const senders = new RecentSenders();
  for (const name of ["Alice", "Bob", undefined, "Alice"]) senders.add(name);
  expect(senders.names).toEqual(["Alice", "Bob"]);
});

test("the twenty latest names are kept", () => {
  const senders = new RecentSenders();
  for (let index = 0; index <= 20; index++) senders.add(`name-${index}`);
  expect(senders.names).toHaveLength(20);
  expect(senders.names).not.toContain("name-0");
  expect(senders.names[0]).toBe("name-20");
});
