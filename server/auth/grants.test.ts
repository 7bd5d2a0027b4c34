import { describe, expect, test } from "bun:test";
import type { ChannelName } from "../../protocol/channel-name.ts";
import { Grants, noGrants, parsePattern } from "./grants.ts";

describe("a pattern", () => {
  test.each([
    ["room:1", "room:1", true],
    ["room:1", "room:10", false],
    ["room:*", "room:1", true],
    ["room:*", "room:a:b", true],
    ["room:*", "room:", true],
    ["room:*", "room", false],
    ["room:*", "hall:room:1", false],
    ["room*", "rooms", true],
    ["*", "room:1", true],
    ["*", "all", true],
    ["all", "all", true],
    ["ALL", "all", false],
  ])("%s and the channel %s: %p", (pattern, channel, covers) => {
    const grants = new Grants({ subscribe: [pattern], publish: [] });
    expect(grants.find("subscribe", channel as ChannelName)).toBe(covers ? pattern : undefined);
    expect(grants.find("publish", channel as ChannelName)).toBeUndefined();
  });

  test.each(["room:1", "room:*", "*", "all", "a/b.c-d_e=f,g;h", "x".repeat(200), `${"x".repeat(200)}*`])(
    "%s is valid",
    (text) => {
      expect(parsePattern(text)).toBe(text);
    },
  );

  test.each([
    "",
    "**",
    "a*b",
    "*a",
    "a**",
    "@u1",
    "@*",
    "#nodes",
    "$*",
    "a b",
    "é",
    "x".repeat(201),
    7,
    null,
    { 0: "a" },
  ])("%p is invalid", (text) => {
    expect(parsePattern(text)).toBeUndefined();
  });
});

test("several patterns add up, and each verb has its own", () => {
  const grants = new Grants({ subscribe: ["a", "b:*"], publish: ["c"] });
  const allowed = (verb: "subscribe" | "publish") =>
    ["a", "b:1", "c", "d"].filter((channel) => grants.find(verb, channel as ChannelName) !== undefined);
  expect(allowed("subscribe")).toEqual(["a", "b:1"]);
  expect(allowed("publish")).toEqual(["c"]);
});

test("no grants allow nothing", () => {
  expect(noGrants.find("subscribe", "a" as ChannelName)).toBeUndefined();
  expect(noGrants.find("publish", "a" as ChannelName)).toBeUndefined();
});
