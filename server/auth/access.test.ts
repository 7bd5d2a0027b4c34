import { describe, expect, test } from "bun:test";
import { type ChannelName, everyone, userChannel } from "../../protocol/channel-name.ts";
import { type ErrorCode, ServiceError } from "../../protocol/errors.ts";
import { Access, type AccessSettings } from "./access.ts";
import { Grants } from "./grants.ts";
import { anonymous, type Identity } from "./identity.ts";
import type { ChannelAccess } from "./rights.ts";

const room = "room:1" as ChannelName;
const own = userChannel("u1");
const anothers = userChannel("u2");

const verifier = {
  verify: async (token: string) => {
    if (token !== "token of u1") throw new ServiceError("unauthorized", "not that one");
    return holder({});
  },
};

/** The default settings of both modes. `token` is the access of a channel without a rule. */
const open: AccessSettings = {
  isSecured: false,
  insecure: false,
  chat: true,
  anonymous: true,
  trustUserId: true,
  verifier: undefined,
  rulesOf: () => ({ subscribe: "token", publish: "token", presence: "granted" }),
};
const secured: AccessSettings = {
  ...open,
  isSecured: true,
  chat: false,
  anonymous: false,
  trustUserId: false,
  verifier,
};

function ruled(settings: AccessSettings, subscribe: ChannelAccess | "hook", publish: ChannelAccess): AccessSettings {
  return { ...settings, rulesOf: () => ({ subscribe, publish, presence: "granted" as const }) };
}

/** The user u1 with these grants. */
function holder(granted: { subscribe?: string; publish?: string; presence?: readonly string[] }): Identity {
  const list = (pattern: string | undefined) => (pattern === undefined ? [] : [pattern]);
  const { subscribe, publish, presence } = granted;
  const grants = new Grants({ subscribe: list(subscribe), publish: list(publish), presence });
  return { userId: "u1", grants, expiresAtMs: undefined };
}

describe("presence", () => {
  const outcome = (
    settings: AccessSettings,
    presence: "on" | "off" | "granted",
    identity: Identity | undefined,
    channel = "room:1",
  ) => {
    const rulesOf = () => ({ subscribe: "anyone", publish: "anyone", presence }) as const;
    try {
      return new Access({ ...settings, rulesOf }).checkPresence(identity, channel as ChannelName);
    } catch (error) {
      return error instanceof ServiceError ? error.code : error;
    }
  };
  const those = {
    key: undefined,
    visitor: anonymous,
    "a user": holder({}),
    "a user with a grant": holder({ subscribe: "*" }),
    "a user with a grant for presence": holder({ presence: ["room:*"] }),
    "a user with a grant for subscribing only": holder({ subscribe: "*", presence: [] }),
  };

  test.each([
    ["on", "key", "room:1", "users"],
    ["on", "visitor", "room:1", "users"],
    ["on", "visitor", "all", "users"],
    ["granted", "key", "room:1", "users"],
    ["granted", "a user with a grant", "room:1", "users"],
    ["granted", "a user with a grant", "all", "users"],
    ["granted", "a user with a grant for presence", "room:1", "users"],
    ["granted", "a user with a grant for presence", "all", "count"],
    ["granted", "a user with a grant for subscribing only", "room:1", "count"],
    ["granted", "a user with a grant for subscribing only", "all", "count"],
    ["off", "a user with a grant for presence", "room:1", "forbidden"],
    ["granted", "a user", "room:1", "count"],
    ["granted", "a user", "all", "count"],
    ["granted", "visitor", "all", "count"],
    ["granted", "a user", "@u1", "users"],
    ["granted", "a user", "@u2", "forbidden"],
    ["off", "key", "room:1", "forbidden"],
    ["off", "a user with a grant", "room:1", "forbidden"],
    ["off", "a user with a grant", "all", "forbidden"],
    ["off", "visitor", "room:1", "forbidden"],
  ] as const)("with presence %s: %s asking about %s sees %s", (presence, who, channel, seen) => {
    expect(outcome(secured, presence, those[who], channel)).toBe(seen);
  });
});

type Attempt = (access: Access) => unknown;

const connect =
  (userId: string | undefined, token?: string): Attempt =>
  (access) =>
    access.identify({ userId, token });
const subscribe =
  (identity: Identity, channel: string): Attempt =>
  (access) =>
    access.checkSubscribe(identity, channel as ChannelName);
const publish =
  (identity: Identity, channel: string): Attempt =>
  (access) =>
    access.checkPublish(identity, channel as ChannelName);
const chat =
  (identity: Identity): Attempt =>
  (access) =>
    access.checkChat(identity);

type Cell = readonly [sentence: string, settings: AccessSettings, attempt: Attempt, outcome: "may" | ErrorCode];

const u1 = holder({});

/** The permission table of docs/auth.md, one sentence per cell. */
const table: readonly Cell[] = [
  ["open: one may connect without a user", open, connect(undefined), "may"],
  ["open, ANONYMOUS off: not without a user", { ...open, anonymous: false }, connect(undefined), "unauthorized"],
  ["secured: not without a user", secured, connect(undefined), "unauthorized"],
  ["secured, ANONYMOUS on: one may", { ...secured, anonymous: true }, connect(undefined), "may"],
  ["an empty user_id is none", secured, connect(""), "unauthorized"],

  ["open: one may be U by ?user_id=U", open, connect("u1"), "may"],
  ["open, TRUST_USER_ID off: not by user_id", { ...open, trustUserId: false }, connect("u1"), "unauthorized"],
  ["secured: not by user_id", secured, connect("u1"), "unauthorized"],
  ["secured: not by user_id where ANONYMOUS is on", { ...secured, anonymous: true }, connect("u1"), "unauthorized"],
  ["secured, TRUST_USER_ID on: one may", { ...secured, trustUserId: true }, connect("u1"), "may"],
  ["a user_id that breaks the rule is nobody's", open, connect("a\nb"), "bad-request"],
  ["a user_id of 129 characters is nobody's", open, connect("u".repeat(129)), "bad-request"],
  ["secured: one is who the token says", secured, connect(undefined, "token of u1"), "may"],
  ["secured: a user_id that says the same is fine", secured, connect("u1", "token of u1"), "may"],
  ["secured: a user_id that says another is refused", secured, connect("u2", "token of u1"), "forbidden"],
  [
    "secured, TRUST_USER_ID on: a token and another user_id is refused too",
    { ...secured, trustUserId: true },
    connect("u2", "token of u1"),
    "forbidden",
  ],
  ["secured: not with a wrong token", secured, connect(undefined, "forged"), "unauthorized"],
  [
    "secured, ANONYMOUS on: a wrong token is not the same as none",
    { ...secured, anonymous: true },
    connect(undefined, "forged"),
    "unauthorized",
  ],
  ["open: a token is refused, since nobody can check it", open, connect(undefined, "token of u1"), "unauthorized"],

  ["open: everyone receives all", open, subscribe(anonymous, everyone), "may"],
  ["secured: everyone receives all", secured, subscribe(anonymous, everyone), "may"],
  [
    "secured: everyone receives all, whatever its rules",
    ruled(secured, "nobody", "nobody"),
    subscribe(u1, everyone),
    "may",
  ],
  ["open: a user receives their own channel", open, subscribe(u1, own), "may"],
  ["secured: a user receives their own channel", secured, subscribe(u1, own), "may"],
  ["secured: the own channel takes no rule", ruled(secured, "nobody", "nobody"), subscribe(u1, own), "may"],

  ["open: everyone may subscribe to a plain channel", open, subscribe(anonymous, room), "may"],
  ["secured: not without a token", { ...secured, anonymous: true }, subscribe(anonymous, room), "unauthorized"],
  ["secured: not with a token that grants nothing", secured, subscribe(u1, room), "forbidden"],
  ["secured: a grant lets in", secured, subscribe(holder({ subscribe: "room:*" }), room), "may"],
  ["secured: a grant for others does not", secured, subscribe(holder({ subscribe: "hall:*" }), room), "forbidden"],
  ["secured: a grant to publish is none to subscribe", secured, subscribe(holder({ publish: "*" }), room), "forbidden"],
  ["secured, rule anyone: everyone may", ruled(secured, "anyone", "token"), subscribe(anonymous, room), "may"],
  ["secured, rule authenticated: a user may", ruled(secured, "authenticated", "token"), subscribe(u1, room), "may"],
  [
    "secured, rule authenticated: not without a user",
    ruled(secured, "authenticated", "token"),
    subscribe(anonymous, room),
    "unauthorized",
  ],
  [
    "secured, rule nobody: not even with a grant",
    ruled(secured, "nobody", "token"),
    subscribe(holder({ subscribe: "*" }), room),
    "forbidden",
  ],
  [
    "secured, rule hook: a grant is enough",
    ruled(secured, "hook", "token"),
    subscribe(holder({ subscribe: "*" }), room),
    "may",
  ],
  [
    "secured, rule hook: not if no hook is configured",
    ruled(secured, "hook", "token"),
    subscribe(u1, room),
    "forbidden",
  ],
  ["open, rule hook: not there either", ruled(open, "hook", "token"), subscribe(anonymous, room), "unauthorized"],
  ["open, rule nobody: not there either", ruled(open, "nobody", "token"), subscribe(u1, room), "forbidden"],
  ["open, rule authenticated: a user may", ruled(open, "authenticated", "token"), subscribe(u1, room), "may"],
  [
    "open, rule authenticated: not without a user",
    ruled(open, "authenticated", "token"),
    subscribe(anonymous, room),
    "unauthorized",
  ],

  ["open: never another's channel", open, subscribe(u1, anothers), "forbidden"],
  ["open: never a user's channel without being one", open, subscribe(anonymous, anothers), "forbidden"],
  ["open: never a name with #", open, subscribe(u1, "#nodes"), "forbidden"],
  ["open: never a name with $", open, subscribe(u1, "$sys"), "forbidden"],
  ["secured: never another's channel", secured, subscribe(holder({ subscribe: "*" }), anothers), "forbidden"],
  ["secured: never a name with #", secured, subscribe(holder({ subscribe: "*" }), "#nodes"), "forbidden"],
  ["secured: never a name with $", secured, subscribe(holder({ subscribe: "*" }), "$sys"), "forbidden"],
  ["secured, rule anyone: never another's", ruled(secured, "anyone", "anyone"), subscribe(u1, anothers), "forbidden"],
  ["secured, rule anyone: never the server's", ruled(secured, "anyone", "anyone"), subscribe(u1, "$sys"), "forbidden"],

  ["open: everyone may chat", open, chat(anonymous), "may"],
  ["open, CHAT off: nobody", { ...open, chat: false }, chat(u1), "forbidden"],
  ["secured: nobody may chat", secured, chat(u1), "forbidden"],
  ["secured: one without a user is asked for a token", secured, chat(anonymous), "unauthorized"],
  ["secured, CHAT on: everyone may", { ...secured, chat: true }, chat(anonymous), "may"],
  ["secured: a grant to publish on all may", secured, chat(holder({ publish: "all" })), "may"],
  ["secured: a grant to publish everywhere may", secured, chat(holder({ publish: "*" })), "may"],
  ["secured: a grant to subscribe to all may not", secured, chat(holder({ subscribe: "all" })), "forbidden"],
  ["open: publishing to all is chat", open, publish(anonymous, everyone), "may"],
  ["open, CHAT off: no publishing to all", { ...open, chat: false }, publish(u1, everyone), "forbidden"],
  ["secured: no publishing to all", secured, publish(u1, everyone), "forbidden"],
  ["secured: not by a rule either", ruled(secured, "anyone", "anyone"), publish(u1, everyone), "forbidden"],
  ["secured, CHAT on: publishing to all", { ...secured, chat: true }, publish(u1, everyone), "may"],
  ["secured: a grant publishes to all", secured, publish(holder({ publish: "all" }), everyone), "may"],

  ["open: everyone may publish to a plain channel", open, publish(anonymous, room), "may"],
  ["open, CHAT off: still", { ...open, chat: false }, publish(anonymous, room), "may"],
  ["secured: no publishing without a token", secured, publish(anonymous, room), "unauthorized"],
  ["secured: no publishing without a grant", secured, publish(u1, room), "forbidden"],
  ["secured, CHAT on: neither", { ...secured, chat: true }, publish(u1, room), "forbidden"],
  ["secured: a grant publishes", secured, publish(holder({ publish: "room:1" }), room), "may"],
  ["secured: a grant to subscribe does not publish", secured, publish(holder({ subscribe: "*" }), room), "forbidden"],
  ["secured, rule anyone: everyone publishes", ruled(secured, "token", "anyone"), publish(anonymous, room), "may"],
  ["secured, rule authenticated: users publish", ruled(secured, "token", "authenticated"), publish(u1, room), "may"],
  [
    "secured, rule nobody: no client publishes",
    ruled(secured, "token", "nobody"),
    publish(holder({ publish: "*" }), room),
    "forbidden",
  ],
  ["open, rule nobody: no client publishes", ruled(open, "token", "nobody"), publish(u1, room), "forbidden"],

  ["open: never to a user's channel", open, publish(u1, anothers), "forbidden"],
  ["open: never to one's own", open, publish(u1, own), "forbidden"],
  ["open: never to the server's", open, publish(u1, "$sys"), "forbidden"],
  ["secured: never to a user's channel", secured, publish(holder({ publish: "*" }), anothers), "forbidden"],
  ["secured: never to one's own", secured, publish(holder({ publish: "*" }), own), "forbidden"],
  ["secured: never to the server's", secured, publish(holder({ publish: "*" }), "#nodes"), "forbidden"],
  ["secured, rule anyone: never to a user's", ruled(secured, "anyone", "anyone"), publish(u1, own), "forbidden"],
  ["secured, rule anyone: never to the server's", ruled(secured, "anyone", "anyone"), publish(u1, "#n"), "forbidden"],
];

test.each(table)("%s", async (_sentence, settings, attempt, outcome) => {
  expect(await outcomeOf(settings, attempt)).toBe(outcome);
});

test("INSECURE changes no cell of the table", async () => {
  const outcomes = table.map(([, settings, attempt]) => outcomeOf({ ...settings, insecure: true }, attempt));
  expect(await Promise.all(outcomes)).toEqual(table.map(([, , , outcome]) => outcome));
});

describe("the identity of a connection", () => {
  test("without a token it is determined synchronously, in both modes", () => {
    expect(new Access(open).identify({ userId: undefined, token: undefined })).toBe(anonymous);
    expect(new Access(open).identify({ userId: "u1", token: "" })).toMatchObject({ userId: "u1" });
    expect(() => new Access(secured).identify({ userId: "u1", token: undefined })).toThrow("TRUST_USER_ID=on");
  });

  test("a trusted user_id has no grants and does not expire", async () => {
    const access = new Access({ ...secured, trustUserId: true });
    const identity = await access.identify({ userId: "u1", token: undefined });
    expect(identity).toMatchObject({ userId: "u1", expiresAtMs: undefined });
    expect(() => access.checkSubscribe(identity, room)).toThrow(ServiceError);
  });

  test("comes from the token, whether or not user_id repeats it", async () => {
    const access = new Access(secured);
    expect(await access.identify({ userId: undefined, token: "token of u1" })).toMatchObject({ userId: "u1" });
    expect(await access.identify({ userId: "u1", token: "token of u1" })).toMatchObject({ userId: "u1" });
  });

  test("errors name the channel and what to do", () => {
    const access = new Access(secured);
    expect(() => access.checkSubscribe(u1, room)).toThrow(
      'not allowed to subscribe to "room:1": the token needs "subscribe":["room:1"]',
    );
    expect(() => access.checkPublish(u1, own)).toThrow("over HTTP");
    expect(() => access.checkChat(u1)).toThrow("CHAT=on");
  });
});

describe("the sender", () => {
  test("on an open server is what the client says, or its user", () => {
    const access = new Access(open);
    expect(access.senderOf(u1, "Alice")).toBe("Alice");
    expect(access.senderOf(u1, undefined)).toBe("u1");
    expect(access.senderOf(anonymous, undefined)).toBeUndefined();
  });

  test("on a secured server is the user, whatever the client says", () => {
    const access = new Access(secured);
    expect(access.senderOf(u1, "Alice")).toBe("u1");
    expect(access.senderOf(u1, undefined)).toBe("u1");
    expect(access.senderOf(anonymous, "u1")).toBeUndefined();
  });
});

async function outcomeOf(settings: AccessSettings, attempt: Attempt): Promise<"may" | ErrorCode> {
  try {
    await attempt(new Access(settings));
    return "may";
  } catch (error) {
    if (error instanceof ServiceError) return error.code;
    throw error;
  }
}
