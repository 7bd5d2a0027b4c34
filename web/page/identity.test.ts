import { describe, expect, test } from "bun:test";
import { identify } from "./identity.ts";

const trusting = { trustUserId: true };
const nothing = { user: undefined, name: undefined, token: undefined };
const noWishes = { userId: undefined, channels: [] };

describe("who a tab is:", () => {
  test("a new one is a guest of four digits, whom one can push to", () => {
    expect(identify(trusting, noWishes, nothing, 0)).toEqual({ userId: "guest-1000", name: "guest-1000" });
    expect(identify(trusting, noWishes, nothing, 0.99999)).toEqual({ userId: "guest-9999", name: "guest-9999" });
  });

  test("one that was loaded again is who it was", () => {
    const remembered = { ...nothing, user: "guest-1234", name: "Alice" };
    expect(identify(trusting, noWishes, remembered, 0)).toEqual({ userId: "guest-1234", name: "Alice" });
  });

  test("the user in the address wins over the one of before", () => {
    const remembered = { ...nothing, user: "guest-1234" };
    const wishes = { ...noWishes, userId: "alice" };
    expect(identify(trusting, wishes, remembered, 0)).toEqual({ userId: "alice", name: "alice" });
  });

  test("an emptied name field stays empty", () => {
    expect(identify(trusting, noWishes, { ...nothing, name: "" }, 0).name).toBe("");
  });

  test.each([
    [{ trustUserId: false }, nothing],
    [trusting, { ...nothing, token: "a.b.c" }],
  ])("no user is claimed where the server %j knows better with %j", (settings, remembered) => {
    expect(identify(settings, { ...noWishes, userId: "alice" }, remembered, 0).userId).toBeUndefined();
  });
});
