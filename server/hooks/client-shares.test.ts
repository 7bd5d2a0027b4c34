import { expect, test } from "bun:test";
import { ClientShares } from "./client-shares.ts";

test("a client may have a quarter of the events and bytes, exactly, and others have their own", () => {
  const shares = new ClientShares({ events: 12, bytes: 400 });
  expect(Array.from({ length: 4 }, () => shares.add("a", 1))).toEqual([true, true, true, false]);
  expect([shares.add("b", 60), shares.add("b", 41), shares.add("b", 40)]).toEqual([true, false, true]);
});

test("events that left the queue no longer count, and a client without events is forgotten", () => {
  const shares = new ClientShares({ events: 4, bytes: 400 });
  expect([shares.add("a", 5), shares.add("a", 5)]).toEqual([true, false]);
  shares.remove("a", 5);
  expect([shares.size, shares.add("a", 5)]).toEqual([0, true]);
});

test("one event always fits", () => {
  const shares = new ClientShares({ events: 1, bytes: 4 });
  expect([shares.add("a", 1000), shares.add("a", 1)]).toEqual([true, false]);
});
