import { describe, expect, test } from "bun:test";
import { identify } from "./identity.ts";

const trusting = { trustUserId: true };
const nothing = { user: undefined, name: undefined, token: undefined };
const emptyQuery = { userId: undefined, channels: [] };

describe("the user of a tab:", () => {
  test("a new tab is a guest with four digits, which can receive pushes", () => {
    expect(identify(trusting, emptyQuery, nothing, 0)).toEqual({ userId: "guest-1000", name: "guest-1000" });
    expect(identify(trusting, emptyQuery, nothing, 0.99999)).toEqual({ userId: "guest-9999", name: "guest-9999" });
  });

  test("a reloaded tab keeps its user", () => {
    const remembered = { ...nothing, user: "guest-1234", name: "Alice" };
    expect(identify(trusting, emptyQuery, remembered, 0)).toEqual({ userId: "guest-1234", name: "Alice" });
  });

  test("the user in the URL overrides the remembered one", () => {
    const remembered = { ...nothing, user: "guest-1234" };
    const query = { ...emptyQuery, userId: "alice" };
    expect(identify(trusting, query, remembered, 0)).toEqual({ userId: "alice", name: "alice" });
  });

  test("an emptied name field stays empty", () => {
    expect(identify(trusting, emptyQuery, { ...nothing, name: "" }, 0).name).toBe("");
  });

  test.each([
    [{ trustUserId: false }, nothing],
    [trusting, { ...nothing, token: "a.b.c" }],
  ])("sends no user ID if the server (%j) or a token (%j) decides it", (settings, remembered) => {
    expect(identify(settings, { ...emptyQuery, userId: "alice" }, remembered, 0).userId).toBeUndefined();
  });
});
