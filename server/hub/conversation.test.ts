import { afterEach, describe, expect, test } from "bun:test";
import { ServiceError } from "../../protocol/errors.ts";
import { FakeConnection } from "../../tests/fakes/connection.ts";
import { nameOf, type TestClient, TestHub } from "../../tests/fakes/hub.ts";
import { Grants } from "../auth/grants.ts";
import type { TokenVerifier } from "../auth/token.ts";
import { MovedClock } from "../lib/moved-clock.ts";

let it: TestHub;
afterEach(() => it.close());

async function begin(options: Parameters<typeof TestHub.start>[0] = {}): Promise<TestClient> {
  it = await TestHub.start(options);
  return it.connect({ userId: "u1" });
}

/** Sends a frame and returns the frames that it caused. */
async function send({ conversation, connection }: TestClient, frame: string | object) {
  const before = connection.accepted.length;
  conversation.receive(typeof frame === "string" ? frame : JSON.stringify(frame));
  await it.settle();
  return connection.accepted.slice(before);
}

const long = (length: number) => "x".repeat(length);

describe("a frame that cannot be decoded is answered with an error, and the connection stays open", () => {
  test.each<[string, string, object]>([
    ["a frame that starts like JSON but is not", "{", { code: "bad-json" }],
    ["leading white space", ' \n{"type":', { code: "bad-json" }],
    ["trailing text", '{"type":"ping"} x', { code: "bad-json" }],
    ["nesting that is too deep", `{"type":"publish","channel":"a","data":${"[".repeat(1000)}`, { code: "bad-json" }],
    ["no type", "{}", { code: "invalid-field", field: "type" }],
    ["a type that is not a string", '{"type":7}', { code: "invalid-field", field: "type" }],
    ["an unknown type", '{"type":"dance","ref":"r"}', { code: "unknown-type", ref: "r" }],
    ["a type that every JavaScript object has", '{"type":"constructor"}', { code: "unknown-type" }],
    ["a ref that is an object", '{"type":"ping","ref":{}}', { code: "invalid-field", field: "ref" }],
  ])("%s", async (_, text, error) => {
    const guest = await begin();
    expect(await send(guest, text)).toMatchObject([{ type: "error", ...error }]);
    expect(await send(guest, { type: "ping", ref: 1 })).toMatchObject([{ type: "pong", ref: 1 }]);
    expect(guest.connection.closedWith).toBeUndefined();
  });

  test.each<[string, object, string]>([
    ["publish without a channel", { type: "publish", message: "m" }, "channel"],
    ["publish without a body", { type: "publish", channel: "a" }, "data"],
    ["a message that is a number", { type: "publish", channel: "a", message: 7 }, "message"],
    ["a channel that is a number", { type: "subscribe", channel: 7 }, "channel"],
    ["a channel with a space", { type: "subscribe", channel: "a b" }, "channel"],
    ["an empty channel", { type: "subscribe", channel: "" }, "channel"],
    ["a channel one character too long", { type: "subscribe", channel: long(201) }, "channel"],
    ["a user channel one character too long", { type: "subscribe", channel: `@${long(129)}` }, "channel"],
    ["an ID one character too long", { type: "publish", channel: "a", message: "m", id: long(129) }, "id"],
    ["a sender one character too long", { type: "message", message: "m", sender: long(129) }, "sender"],
    ["a ref one character too long", { type: "ping", ref: long(129) }, "ref"],
    [
      "an event name that EventSource reserves",
      { type: "publish", channel: "a", message: "m", event: "error" },
      "event",
    ],
    [
      "an event name one character too long",
      { type: "publish", channel: "a", message: "m", event: long(101) },
      "event",
    ],
    ["a boolean as a string", { type: "publish", channel: "a", message: "m", echo: "no" }, "echo"],
    ["headers as an array", { type: "publish", channel: "a", message: "m", headers: [] }, "headers"],
    ["a position without an epoch", { type: "subscribe", channel: "a", since: { offset: 1 } }, "since"],
    ["an unknown word in since", { type: "subscribe", channel: "a", since: "yesterday" }, "since"],
    ["history without a channel", { type: "history" }, "channel"],
    ["more history than allowed", { type: "history", channel: "a", limit: 1001 }, "limit"],
    ["a fractional limit", { type: "history", channel: "a", limit: 1.5 }, "limit"],
    ["a token that is not a string", { type: "auth", token: 7 }, "token"],
    ["a chat message without text", { type: "message" }, "message"],
    ["an empty chat message", { type: "message", message: "" }, "message"],
  ])("%s: the error names the field and its rule", async (_, frame, field) => {
    const guest = await begin();
    const [error, ...more] = await send(guest, frame);
    expect([error?.code, error?.field, more]).toEqual(["invalid-field", field, []]);
    expect(error?.message).toStartWith(`${field}: expected `);
  });

  test("accepts the longest values", async () => {
    const guest = await begin();
    const channel = long(200);
    expect(await send(guest, { type: "subscribe", channel, ref: long(128) })).toMatchObject([
      { type: "subscribed", channel, ref: long(128) },
    ]);
    const ack = await send(guest, { type: "publish", channel, message: "m", id: long(128), event: long(100) });
    expect(ack).toMatchObject([{ type: "ack" }, { type: "message" }]);
  });
});

describe("a command that is not allowed is answered with an error", () => {
  test.each([
    ["another user's channel", { type: "subscribe", channel: "@u2" }, "forbidden"],
    ["publishing to a user", { type: "publish", channel: "@u1", message: "m" }, "forbidden"],
    ["a token on a server that checks none", { type: "auth", token: "t" }, "unauthorized"],
  ])("%s", async (_, frame, code) => {
    const guest = await begin();
    expect(await send(guest, { ...frame, ref: 5 })).toMatchObject([{ type: "error", code, ref: 5 }]);
  });

  test("accepts a body at the limit, and rejects a larger one", async () => {
    const guest = await begin({ settings: { maxMessageBytes: 256 } });
    const body = { type: "publish", channel: "a" };
    expect(await send(guest, { ...body, message: long(257) })).toMatchObject([{ type: "error", code: "too-large" }]);
    expect(await send(guest, { ...body, message: long(256) })).toMatchObject([{ type: "ack" }]);
    expect(await send(guest, { ...body, message: "ä".repeat(129) })).toMatchObject([{ code: "too-large" }]);
  });

  test("measures the body without its escapes, at the limit and above it", async () => {
    const guest = await begin({ settings: { maxMessageBytes: 258 } });
    const escaped = (count: number) => `{"type":"publish","channel":"a","data":"${"\\ud83d\\ude00".repeat(count)}"}`;
    guest.conversation.receive(escaped(64)); // 4 bytes each, plus two quotes
    guest.conversation.receive(escaped(65));
    await it.settle();
    const answers = guest.connection.accepted.filter(({ type }) => type !== "message" && type !== "system");
    expect(answers).toMatchObject([{ type: "ack" }, { type: "error", code: "too-large" }]);
  });
});

describe("commands", () => {
  test("of one connection take effect in order, whatever each of them waits for", async () => {
    const guest = await begin();
    it.broker.answerMs = 20;
    const frames = [
      { type: "subscribe", channel: "a", ref: 1 },
      { type: "publish", channel: "a", message: "m", ref: 2 },
      { type: "unsubscribe", channel: "a", ref: 3 },
      { type: "ping", ref: 4 },
      { type: "history", channel: "a", ref: 5 },
    ];
    for (const frame of frames) guest.conversation.receive(JSON.stringify(frame));
    await it.clock.moveInSteps(500, 10);
    const answers = guest.connection.accepted.filter(({ ref }) => ref !== undefined);
    expect(answers.map(({ type, ref }) => [type, ref])).toEqual([
      ["subscribed", 1],
      ["ack", 2],
      ["unsubscribed", 3],
      ["pong", 4],
      ["history", 5],
    ]);
  });

  test("of one connection do not wait for those of another", async () => {
    const guest = await begin();
    const other = await it.connect();
    it.broker.answerMs = 1000;
    guest.conversation.receive('{"type":"subscribe","channel":"a"}');
    expect(await send(other, { type: "ping" })).toMatchObject([{ type: "pong" }]);
  });

  test("beyond the queue limit close the connection with 4029", async () => {
    const guest = await begin();
    it.broker.answerMs = 1000;
    guest.conversation.receive('{"type":"subscribe","channel":"a"}');
    for (let count = 0; count < 256; count++) guest.conversation.receive('{"type":"ping"}');
    expect(guest.connection.closedWith).toBeUndefined();
    guest.conversation.receive('{"type":"ping"}');
    await it.clock.moveInSteps(100, 100);
    expect(guest.connection.closedWith?.name).toBe("too-many");
  });

  test("plain text is chat to everyone, and so is JSON that is not an object", async () => {
    const guest = await begin();
    for (const text of ["Hello", "[1]", "null", "send_now!"]) {
      expect(await send(guest, text)).toMatchObject([{ type: "message", channel: "all", message: text }]);
    }
  });

  test("send_now is a command", async () => {
    const guest = await begin();
    expect(await send(guest, "send_now")).toMatchObject([{ channel: "all", message: "IM sent" }]);
  });

  test("after unsubscribe, no more messages of the channel arrive, not even unflushed ones", async () => {
    const guest = await begin();
    await it.publish("all", "waits");
    expect(await send(guest, { type: "unsubscribe", channel: "all" })).toMatchObject([{ type: "unsubscribed" }]);
    await it.publish("all", "later");
    expect(await send(guest, { type: "ping" })).toMatchObject([{ type: "pong" }]);
  });

  test("unsubscribe from a channel that the connection is not in gets the same answer", async () => {
    const guest = await begin();
    expect(await send(guest, { type: "unsubscribe", channel: "a" })).toMatchObject([
      { type: "unsubscribed", channel: "a" },
    ]);
  });

  test("a repeated id is stored once, and the second answer says so", async () => {
    const guest = await begin();
    const frame = { type: "publish", channel: "a", message: "m", id: "x" };
    const [[first], [second]] = [await send(guest, frame), await send(guest, { ...frame, message: "other" })];
    expect(second).toEqual({ ...first, type: "ack", duplicate: true });
  });

  test("echo:false is an advance for the publisher and a message for everyone else", async () => {
    const guest = await begin();
    const other = await it.connect();
    for (const it of [guest, other]) await send(it, { type: "subscribe", channel: "a" });
    const mine = await send(guest, { type: "publish", channel: "a", message: "m", echo: false });
    expect(mine.map(({ type, offset }) => [type, offset])).toEqual([
      ["ack", 1],
      ["advance", 1],
    ]);
    expect(other.connection.of("message")).toMatchObject([{ channel: "a", offset: 1 }]);
  });

  test("an ephemeral message has no position and is not in the history", async () => {
    const guest = await begin();
    await send(guest, { type: "subscribe", channel: "a" });
    const answers = await send(guest, { type: "publish", channel: "a", message: "typing", ephemeral: true });
    expect(answers.map(({ type, offset }) => [type, offset])).toEqual([
      ["ack", undefined],
      ["message", undefined],
    ]);
    expect(await send(guest, { type: "history", channel: "a" })).toMatchObject([{ messages: [], offset: 0 }]);
  });

  test("history contains its end, and whether it is complete", async () => {
    const guest = await begin({ rules: { historySize: 2 } });
    for (const text of ["1", "2", "3"]) await it.publish("a", text);
    const [all] = await send(guest, { type: "history", channel: "a", since: "earliest", limit: 1 });
    expect(all).toMatchObject({ offset: 3, complete: true, messages: [{ offset: 2 }] });
    const since = { epoch: all?.epoch, offset: 0 };
    expect(await send(guest, { type: "history", channel: "a", since })).toMatchObject([
      { complete: false, reason: "history-too-short", messages: [{ offset: 2 }, { offset: 3 }] },
    ]);
  });

  test.each([
    [
      { type: "subscribe", channel: "a", sinse: "earliest" },
      "subscribed",
      'unknown field "sinse". Did you mean "since"?',
    ],
    [
      { type: "publish", channel: "a", data: 1, emphemeral: true },
      "ack",
      'unknown field "emphemeral". Did you mean "ephemeral"?',
    ],
    [{ type: "subscribe", chanel: "a" }, "error", 'unknown field "chanel". Did you mean "channel"?'],
  ])("the answer warns about an unknown field: %j", async (command, type, warning) => {
    const answers = await send(await begin(), command);
    expect(answers.find((it) => it.type === type)).toMatchObject({ warnings: [warning] });
  });

  test("the answer to a command without unknown fields has no warnings", async () => {
    const guest = await begin();
    const commands: readonly Record<string, unknown>[] = [
      { type: "subscribe", channel: "a", since: "earliest" },
      { type: "publish", channel: "a", message: "m", data: 1, event: "e", id: "1", sender: "s", key: "k", headers: {} },
      { type: "publish", channel: "a", data: 1, ephemeral: true, echo: true },
      { type: "history", channel: "a", since: "earliest", limit: 1 },
      { type: "presence", channel: "a", page: "u/c_1" },
      { type: "unsubscribe", channel: "a" },
      { type: "ping" },
    ];
    for (const [ref, command] of commands.entries()) {
      const [answer] = (await send(guest, { ...command, ref })).filter((it) => it.ref === ref);
      expect([command, answer?.type]).not.toEqual([command, "error"]);
      expect(answer).not.toHaveProperty("warnings");
    }
  });

  test("presence counts connections, and lists each user once", async () => {
    const guest = await begin();
    const others = [await it.connect({ userId: "u1" }), await it.connect({ userId: "u0" }), await it.connect()];
    for (const it of [guest, ...others]) await send(it, { type: "subscribe", channel: "a" });
    expect(await send(guest, { type: "presence", channel: "a" })).toMatchObject([{ count: 4, users: ["u0", "u1"] }]);
  });

  test("presence lists up to 500 connections, and says how to request the rest", async () => {
    const guest = await begin({ settings: { maxConnections: 2000, maxConnectionsPerIp: 2000 } });
    const userOf = (at: number) => `u${String(at >> 1).padStart(4, "0")}`;
    for (let at = 0; at < 501; at++) await it.enter({ userId: userOf(at), channels: [nameOf("a")] });
    await it.settle();
    const [first] = await send(guest, { type: "presence", channel: "a" });
    expect(first?.count).toBe(501);
    expect(first?.next).toMatch(/^u0249\/c_/);
    expect(first?.users).toEqual(Array.from({ length: 250 }, (_, at) => userOf(2 * at)));
    expect(first?.members).toHaveLength(500);
    const rest = await send(guest, { type: "presence", channel: "a", page: String(first?.next) });
    expect(rest).toMatchObject([{ count: 501, users: [userOf(500)], members: [{ user_id: userOf(500) }] }]);
    expect(rest[0]).not.toHaveProperty("next");
  });

  test("a page that no answer gave is refused", async () => {
    const guest = await begin();
    const answer = await send(guest, { type: "presence", channel: "a", page: "somewhere" });
    expect(answer).toMatchObject([{ code: "invalid-field", field: "page" }]);
  });
});

describe("a new token", () => {
  /** A server whose tokens read `user/seconds/channel` and take a while to verify. */
  async function beginWithTokens() {
    const clock = new MovedClock();
    const verifier: TokenVerifier = {
      verify: async (token) => {
        await clock.sleep(100);
        const [userId, seconds = "0", channel = ""] = token.split("/");
        const subscribe = [channel];
        return {
          userId,
          grants: new Grants({ subscribe, publish: [] }),
          expiresAtMs: clock.now() + Number(seconds) * 1000,
        };
      },
    };
    return begin({ clock, verifier });
  }

  test("replaces the previous one and its expiry", async () => {
    const guest = await beginWithTokens();
    for (const seconds of [60, 120]) {
      guest.conversation.receive(JSON.stringify({ type: "auth", token: `u1/${seconds}` }));
      await it.clock.moveInSteps(100, 10);
    }
    const expiries = guest.connection.of("authenticated").map(({ expires_at }) => Date.parse(expires_at ?? ""));
    expect(expiries.map((at) => Math.round((at - it.clock.now()) / 10_000))).toEqual([6, 12]);
    await it.clock.moveInSteps(110_000, 1000);
    expect(guest.connection.closedWith).toBeUndefined();
    await it.clock.moveInSteps(11_000, 1000);
    expect(guest.connection.closedWith?.name).toBe("token-expired");
  });

  test("of another user is rejected", async () => {
    const guest = await beginWithTokens();
    guest.conversation.receive(JSON.stringify({ type: "auth", token: "u2/60" }));
    await it.clock.moveInSteps(200, 10);
    expect(guest.connection.of("error")).toMatchObject([{ code: "forbidden" }]);
  });

  test.each([
    ["unauthorized", "401"],
    ["token-expired", "401"],
    ["forbidden", "403"],
  ] as const)("that is refused as %s is in the audit trail", async (code, result) => {
    const verify = () => Promise.reject(new ServiceError(code, "the token is wrong"));
    const guest = await begin({ verifier: { verify } });
    expect(await send(guest, { type: "auth", token: "secret" })).toMatchObject([{ type: "error", code }]);
    expect(it.audited).toEqual([{ action: "auth", who: "user u1", from: guest.session.origin.remote, result }]);
  });

  test("that cannot be checked, or is accepted, is not in the audit trail", async () => {
    const verify = () => Promise.reject(new ServiceError("internal", "cannot read the key set"));
    const unlucky = await begin({ verifier: { verify } });
    expect(await send(unlucky, { type: "auth", token: "t" })).toMatchObject([{ code: "internal" }]);
    expect(it.audited).toEqual([]);
    it.close();
    const guest = await beginWithTokens();
    guest.conversation.receive(JSON.stringify({ type: "auth", token: "u1/60" }));
    await it.clock.moveInSteps(200, 10);
    expect(guest.connection.of("authenticated")).toHaveLength(1);
    expect(it.audited).toEqual([]);
  });

  test("that is verified after the client has left starts no timer", async () => {
    const guest = await beginWithTokens();
    guest.conversation.receive(JSON.stringify({ type: "auth", token: "u1/60" }));
    it.leave(guest);
    await it.clock.moveInSteps(120_000, 100);
    expect(guest.session.closed).toBeUndefined();
  });
});

describe("too many frames", () => {
  const ping = '{"type":"ping","ref":"r"}';

  test("are refused with a retry time, and the refused ones have no effect", async () => {
    const guest = await begin({ settings: { messageRate: 2 } });
    for (let count = 0; count < 5; count++) guest.conversation.receive(ping);
    expect(guest.connection.of("pong")).toHaveLength(4);
    expect(guest.connection.of("error")).toMatchObject([{ code: "rate-limited", retry_after_ms: 500, ref: "r" }]);
    await it.clock.moveInSteps(500, 100);
    guest.conversation.receive(ping);
    expect(guest.connection.of("pong")).toHaveLength(5);
  });

  test("from a client that ignores the refusals close the connection with 4029", async () => {
    const guest = await begin({ settings: { messageRate: 2 } });
    for (let count = 0; count < 4 + 10; count++) guest.conversation.receive(ping);
    expect(guest.connection.closedWith).toBeUndefined();
    guest.conversation.receive(ping);
    await it.clock.moveInSteps(100, 100);
    expect(guest.connection.closedWith?.name).toBe("too-many");
  });

  test("after too many refusals have no effect, and cut the connection if they do not stop", async () => {
    const guest = await begin({ settings: { messageRate: 2 } });
    for (let count = 0; count < 4 + 11; count++) guest.conversation.receive(ping);
    const answers = guest.connection.accepted.length;
    for (let count = 0; count < 5000; count++) guest.conversation.receive(ping);
    for (let count = 0; count < 5000; count++) guest.conversation.receiveControl();
    expect([guest.session.closed, guest.connection.accepted.length]).toEqual([undefined, answers]);
    guest.conversation.receiveControl();
    expect(guest.connection.isDropped).toBe(true);
    await it.clock.moveInSteps(100, 100);
    expect(it.hub.connections.size).toBe(0);
  });

  test("of 4 MiB after too many refusals cut the connection", async () => {
    const guest = await begin({ settings: { messageRate: 2 } });
    for (let count = 0; count < 4 + 11; count++) guest.conversation.receive(ping);
    for (let count = 0; count < 4; count++) guest.conversation.receive(ping.padEnd(2 ** 20));
    expect(guest.session.closed).toBeUndefined();
    guest.conversation.receive("{");
    expect(guest.connection.isDropped).toBe(true);
  });

  test("are not counted when the wall clock is set back", async () => {
    const guest = await begin({ settings: { messageRate: 2 } });
    guest.conversation.receive(ping);
    it.clock.set(-3_600_000);
    guest.conversation.receive(ping);
    expect(guest.connection.of("pong")).toHaveLength(2);
  });
});

describe("a client that does not read its answers", () => {
  /** A session whose socket is full. */
  async function beginFull(options: Parameters<typeof begin>[0] = {}): Promise<TestClient> {
    it = await TestHub.start(options);
    const guest = await it.connect({ userId: "u1" }, new FakeConnection(undefined, { fullBytes: 0, refuseBytes: 1e6 }));
    guest.connection.stall();
    guest.conversation.receive('{"type":"ping","ref":"fills it"}');
    return guest;
  }

  test("receives the remaining answers in order once it reads", async () => {
    const guest = await beginFull();
    for (let ref = 1; ref <= 100; ref++) guest.conversation.receive(JSON.stringify({ type: "ping", ref }));
    await it.settle();
    expect(guest.connection.of("pong")).toHaveLength(1);
    guest.connection.resume();
    await it.settle();
    expect(guest.connection.of("pong").map(({ ref }) => ref)).toEqual([
      "fills it",
      ...Array.from({ length: 100 }, (_, index) => index + 1),
    ]);
    expect([guest.connection.closedWith, it.hub.backlog.bytes]).toEqual([undefined, 0]);
  });

  test("can queue a mebibyte of commands behind the first, and is closed at one character more", async () => {
    const guest = await beginFull();
    const before = it.hub.backlog.bytes;
    const command = '{"type":"ping"}';
    guest.conversation.receive(command.padEnd(2 ** 19));
    guest.conversation.receive(command.padEnd(2 ** 19));
    expect([guest.connection.closedWith, it.hub.backlog.bytes - before]).toEqual([undefined, 2 ** 20]);
    guest.conversation.receive(command.slice(0, 1));
    await it.clock.moveInSteps(100, 100);
    expect(guest.connection.closedWith?.name).toBe("too-many");
    await it.settle();
    expect(it.hub.backlog.bytes).toBe(0);
  });

  test("is closed when it exceeds the rate, since it would not read the refusal", async () => {
    const guest = await beginFull({ settings: { messageRate: 2 } });
    for (let count = 0; count < 3; count++) guest.conversation.receive('{"type":"ping"}');
    expect(guest.connection.closedWith).toBeUndefined();
    guest.conversation.receive('{"type":"ping"}');
    await it.clock.moveInSteps(100, 100);
    expect(guest.connection.closedWith?.name).toBe("too-many");
  });

  test("loses its queued commands with its connection if there is no room for them", async () => {
    const guest = await beginFull({ settings: { sendBufferBytes: 1000 } });
    await it.clock.moveInSteps(2000, 1000);
    guest.conversation.receive('{"type":"ping"}'.padEnd(900));
    const other = await it.connect();
    other.connection.stall();
    it.hub.backlog.note(other.connection, 200);
    expect(guest.connection.closedWith).toBeDefined();
    await it.settle();
    expect(it.hub.backlog.bytes).toBeLessThanOrEqual(1000);
  });
});

describe("control frames", () => {
  test("count as frames, and too many of them close the connection with 4029", async () => {
    const guest = await begin({ settings: { messageRate: 2 } });
    for (let count = 0; count < 4 + 10; count++) guest.conversation.receiveControl();
    expect([guest.connection.closedWith, it.hub.framesReceived]).toEqual([undefined, 14]);
    guest.conversation.receiveControl();
    await it.clock.moveInSteps(100, 100);
    expect(guest.connection.closedWith?.name).toBe("too-many");
  });

  test("use up the rate of commands", async () => {
    const guest = await begin({ settings: { messageRate: 2 } });
    for (let count = 0; count < 4; count++) guest.conversation.receiveControl();
    expect(await send(guest, { type: "ping" })).toMatchObject([{ code: "rate-limited" }]);
  });
});

describe("an internal error", () => {
  const fault = new Error("a bug of a transport");

  test.each([
    ["in an answer", '{"type":"ping"}'],
    ["in a queued answer", '{"type":"history","channel":"a"}'],
    ["in a refusal", "{"],
  ])("%s closes the connection with 1011, and no session hangs", async (_, frame) => {
    const guest = await begin();
    guest.connection.fault = fault;
    await send(guest, frame);
    expect([guest.connection.closedWith?.name, it.hub.connections.size]).toEqual(["internal", 0]);
    expect(await send(await it.connect(), '{"type":"ping"}')).toMatchObject([{ type: "pong" }]);
  });

  test("in an answer to a queued command closes the connection too", async () => {
    const guest = await begin();
    for (const text of ['{"type":"history","channel":"a"}', '{"type":"ping"}']) guest.conversation.receive(text);
    guest.connection.onAccepted = ({ frames }) => {
      if (frames[0]?.type === "history") guest.connection.fault = fault;
    };
    await it.settle();
    expect([guest.connection.closedWith?.name, it.hub.connections.size]).toEqual(["internal", 0]);
  });

  test("is reported as such, and the connection stays open", async () => {
    const guest = await begin({
      wrap: (broker) => {
        broker.publish = () => Promise.reject(new TypeError("a bug"));
        return broker;
      },
    });
    const [error] = await send(guest, { type: "publish", channel: "a", message: "m", ref: 1 });
    expect(error).toMatchObject({ type: "error", code: "internal", ref: 1 });
    expect(error?.message).not.toContain("a bug");
    expect(await send(guest, { type: "ping" })).toMatchObject([{ type: "pong" }]);
  });
});
