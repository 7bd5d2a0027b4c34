import { describe, expect, test } from "bun:test";
import type { ChannelName } from "../../protocol/channel-name.ts";
import { type GrantedPatterns, Grants, noGrants } from "../auth/grants.ts";
import type { Identity } from "../auth/identity.ts";
import { type AccessRules, type Decision, Rights } from "../auth/rights.ts";
import type { ChannelRule } from "../channels/rule.ts";
import { explanationOf } from "./explanation.ts";

const defaults: AccessRules = { subscribe: "token", publish: "token", presence: "granted" };
const visitor: Identity = { userId: undefined, grants: noGrants, expiresAtMs: undefined };
const user: Identity = { ...visitor, userId: "alice" };
const holder = (patterns: Partial<GrantedPatterns>): Identity => ({
  ...user,
  grants: new Grants({ subscribe: [], publish: [], ...patterns }),
  token: { id: undefined, issuedAtMs: undefined },
});

type Written = Pick<ChannelRule, "subscribe" | "publish" | "presence">;

function explain(
  right: "subscribe" | "publish" | "presence",
  identity: Identity,
  { written, channel = "room:1", isSecured = true }: { written?: Written; channel?: string; isSecured?: boolean } = {},
) {
  const rule = written && { match: "room:*", place: "channels[0] (a.yaml, line 3)", ...written };
  const name = channel as ChannelName;
  const rights = new Rights({ isSecured, chat: !isSecured, rulesOf: () => ({ ...defaults, ...written }) });
  const subscribe = rights.subscribe(identity, name);
  const decision: Decision = right === "presence" && !subscribe.granted ? subscribe : rights[right](identity, name);
  return explanationOf(right, decision, { channel: name, identity, rule, isSecured });
}

const rule = (field: string, granted: boolean) => ({
  granted,
  source: "rule" as const,
  rule: `match: "room:*", ${field}`,
  place: "channels[0] (a.yaml, line 3)",
});

describe("an explanation names the deciding rule:", () => {
  test("a grant, with its pattern and claim", () => {
    const token = { granted: true, source: "token", rule: '"room:*"', because: "the token grants it" } as const;
    expect(explain("subscribe", holder({ subscribe: ["hall", "room:*"] }))).toEqual({
      ...token,
      place: "the token's claim subscribe or channels",
    });
    expect(explain("presence", holder({ subscribe: ["room:*"] }))).toEqual({
      ...token,
      place: "the token's claim subscribe or channels",
    });
    expect(explain("presence", holder({ subscribe: ["*"], presence: ["room:*"] }))).toEqual({
      ...token,
      place: "the token's claim presence",
    });
  });

  test("a channel rule, with its place in the file", () => {
    expect(explain("publish", holder({ publish: ["*"] }), { written: { publish: "nobody" } })).toEqual({
      ...rule("publish: nobody", false),
      because: "no client may, whatever its token",
    });
    expect(explain("subscribe", visitor, { written: { subscribe: "anyone" } })).toEqual({
      ...rule("subscribe: anyone", true),
      because: "every client may",
    });
    expect(explain("subscribe", user, { written: { subscribe: "authenticated" } })).toEqual({
      ...rule("subscribe: authenticated", true),
      because: "every client with a user may",
    });
    expect(explain("presence", user, { written: { subscribe: "anyone", presence: "off" } })).toEqual({
      ...rule("presence: off", false),
      because: "no client sees the users or their number",
    });
  });

  test("the default, and why it applies", () => {
    expect(explain("publish", holder({}))).toEqual({
      granted: false,
      source: "default",
      rule: "publish: token",
      place: "the default of a secured server, because no channel rule matches",
      because: 'it needs a token with "publish":["room:1"], and the token has no such grant',
    });
    expect(explain("publish", user, { written: { subscribe: "anyone" } })).toMatchObject({
      place: "the default of a secured server, because channels[0] (a.yaml, line 3) does not set publish",
      because: 'it needs a token with "publish":["room:1"]',
    });
    expect(explain("subscribe", visitor, { isSecured: false })).toMatchObject({
      granted: true,
      because: "every client may: an open server has no tokens",
    });
    expect(explain("presence", user, { written: { subscribe: "anyone" } })).toMatchObject({
      granted: false,
      source: "default",
      because: 'it needs a token with "subscribe":["room:1"]',
    });
  });

  test("a right that is missing because of another is explained by that one", () => {
    expect(explain("presence", user, { written: { subscribe: "nobody", presence: "on" } })).toEqual({
      ...rule("subscribe: nobody", false),
      because: "no client may, whatever its token",
    });
  });

  test("the application, with its answer", () => {
    const basis = { by: "hook", answer: "not a member" } as const;
    const rule = { match: "room:*", subscribe: "hook", place: "channels[0] (a.yaml, line 3)" } as const;
    const facts = { channel: "room:1" as ChannelName, identity: user, rule, isSecured: true };
    expect(explanationOf("subscribe", { granted: false, basis }, facts)).toEqual({
      granted: false,
      source: "hook",
      rule: 'match: "room:*", subscribe: hook',
      place: "channels[0] (a.yaml, line 3)",
      because: "not a member",
    });
  });

  test("the setting CHAT", () => {
    const chat = { source: "setting", place: "the setting CHAT" };
    expect(explain("publish", user, { channel: "all" })).toMatchObject({ ...chat, granted: false, rule: "CHAT=off" });
    expect(explain("publish", user, { channel: "all", isSecured: false })).toMatchObject({
      granted: true,
      rule: "CHAT=on",
    });
    expect(explain("publish", holder({ publish: ["all"] }), { channel: "all" })).toMatchObject({ source: "token" });
  });

  test.each([
    ["subscribe", "all", true],
    ["subscribe", "@alice", true],
    ["presence", "@alice", true],
    ["subscribe", "@bob", false],
    ["publish", "@alice", false],
    ["subscribe", "#nodes", false],
  ] as const)("the server itself: %s in %s", (right, channel, granted) => {
    const grants = holder({ subscribe: ["*"], publish: ["*"] });
    expect(explain(right, grants, { channel })).toMatchObject({ granted, source: "built-in" });
  });
});
