import { describe, expect, test } from "bun:test";
import { ScriptedEnvironment, settle } from "../tests/client/scripted-environment.ts";
import type { Channel } from "./channel.ts";
import type { ChannelOptions } from "./channel-options.ts";
import type { Gap } from "./progress.ts";

const live = { epoch: "k3x9", offset: 9, from: 10 };

describe("a channel", () => {
  test("is subscribed to in the handshake if it has a listener before the connection", async () => {
    const environment = new ScriptedEnvironment();
    const client = environment.client();
    client.channel("room:1").on("message", () => {});
    client.channel("room:2").on("message", () => {});
    client.channel("all").on("message", () => {});
    const socket = await environment.socket();
    expect(socket.query).toEqual({ channel: ["room:1", "room:2"] });
    socket.welcome({ all: live, "room:1": live, "room:2": live });
    await environment.move(0);
    expect(socket.commands).toEqual([]);
  });

  test("is subscribed to once for all its later listeners", async () => {
    const { environment, socket, client } = await connected();
    const got = [log(client.channel("room:1")), log(client.channel("room:1"))];
    await environment.move(0);
    expect(socket.commands).toEqual([{ type: "subscribe", channel: "room:1" }]);
    socket.subscribed("room:1", live);
    socket.message("room:1", 10);
    expect(got.map(({ messages }) => messages)).toEqual([[10], [10]]);
  });

  test("delivers nothing before the server confirms the subscription", async () => {
    const { environment, socket, client } = await connected();
    const { messages } = log(client.channel("room:1"));
    await environment.move(0);
    socket.message("room:1", 9);
    socket.subscribed("room:1", live);
    socket.message("room:1", 10);
    expect(messages).toEqual([10]);
  });

  test("is unsubscribed from when its last listener is removed", async () => {
    const { environment, socket, client } = await connected();
    const room = client.channel("room:1");
    const offs = [room.on("message", () => {}), room.on("gap", () => {})];
    await environment.move(0);
    socket.subscribed("room:1", live);
    offs[0]?.();
    offs[0]?.();
    await environment.move(0);
    expect(socket.commands).toHaveLength(1);
    offs[1]?.();
    await environment.move(0);
    expect(socket.commands.at(-1)).toEqual({ type: "unsubscribe", channel: "room:1" });
    expect(room.position).toBeUndefined();
  });

  test("stays subscribed when a listener is removed and added in the same turn", async () => {
    const { environment, socket, client } = await connected();
    const { off } = log(client.channel("room:1"));
    await environment.move(0);
    socket.subscribed("room:1", live);
    off();
    const { messages } = log(client.channel("room:1"));
    await environment.move(0);
    socket.message("room:1", 10);
    expect(socket.commands).toHaveLength(1);
    expect(messages).toEqual([10]);
  });

  test("starts fresh when it is left and joined again, whatever was still in flight", async () => {
    const { environment, socket, client } = await connected();
    const { off } = log(client.channel("room:1"));
    await environment.move(0);
    const first = socket.refOf("subscribe");
    off();
    await environment.move(0);
    const { messages, gaps } = log(client.channel("room:1"));
    await environment.move(0);
    socket.deliver({ type: "subscribed", channel: "room:1", ref: first, ...live });
    socket.message("room:1", 10);
    socket.deliver({ type: "unsubscribed", channel: "room:1" });
    socket.subscribed("room:1", { ...live, offset: 12, from: 13 });
    socket.message("room:1", 13);
    expect(messages).toEqual([13]);
    expect(gaps).toEqual([]);
  });

  test("`all` is never unsubscribed from, and a later listener starts at the server's position", async () => {
    const { environment, socket, client } = await connected({ all: live });
    const { off } = log(client.channel("all"));
    await environment.move(0);
    expect(socket.commands).toEqual([{ type: "subscribe", channel: "all" }]);
    socket.subscribed("all", live);
    off();
    await environment.move(0);
    expect(socket.commands).toHaveLength(1);
  });
});

describe.each(["constructor", "__proto__", "toString", "hasOwnProperty", "valueOf"])("a channel called %s", (name) => {
  test("is joined in the handshake like any other, and resumed", async () => {
    const environment = new ScriptedEnvironment();
    const client = environment.client();
    const { messages } = log(client.channel(name));
    const socket = await environment.socket();
    socket.welcome(Object.fromEntries([[name, live]]));
    socket.message(name, 10);
    expect([messages, client.channel(name).position]).toEqual([[10], { epoch: "k3x9", offset: 10 }]);
    socket.end(1006);
    expect((await environment.untilNextTry(client)).query).toMatchObject({ channel: [name], since: `${name}~k3x9~10` });
  });

  test("is subscribed to if the welcome does not name it", async () => {
    const { environment, socket, client } = await connected();
    const { messages, errors } = log(client.channel(name));
    await environment.move(0);
    expect(socket.commands).toEqual([{ type: "subscribe", channel: name }]);
    socket.subscribed(name, live);
    socket.message(name, 10);
    expect([messages, errors]).toEqual([[10], []]);
    socket.end(1006);
    const next = await environment.untilNextTry(client);
    next.welcome();
    expect(next.commands).toMatchObject([{ type: "subscribe", channel: name }]);
  });
});

describe("an incoming message or gap", () => {
  test("is ignored if it is a gap from before the subscription", async () => {
    const { environment, socket, client } = await connected();
    const { gaps } = log(client.channel("room:1"));
    await environment.move(0);
    const gap = { channel: "room:1", reason: "history-too-short", epoch: "k3x9", from: 1, to: 4, message: "" };
    socket.deliver({ type: "system", event: "gap", ...gap });
    expect(gaps).toEqual([]);
    socket.subscribed("room:1", live);
    expect(gaps).toEqual([]);
  });

  test("is delivered once if it arrives twice", async () => {
    const { socket, got } = await inRoom();
    for (const offset of [10, 11, 10, 11, 12]) socket.message("room:1", offset);
    expect(got.messages).toEqual([10, 11, 12]);
  });

  test("is preceded by a gap if the server skipped offsets without notice", async () => {
    const { socket, got } = await inRoom();
    socket.message("room:1", 13);
    expect(got.gaps).toEqual([{ epoch: "k3x9", from: 10, to: 12, reason: "unannounced" }]);
    expect(got.messages).toEqual([13]);
  });

  test("causes no second gap after an announced one", async () => {
    const { socket, got, room } = await inRoom();
    const gap = { epoch: "k3x9", from: 10, to: 40, reason: "history-too-short" } as const;
    socket.deliver({ type: "system", event: "gap", channel: "room:1", message: "", ...gap });
    socket.message("room:1", 41);
    expect(got.gaps).toEqual([gap]);
    expect(got.messages).toEqual([41]);
    expect(room.position).toEqual({ epoch: "k3x9", offset: 41 });
  });

  test("is counted from the start of a new epoch", async () => {
    const { socket, got } = await inRoom();
    const gap = { epoch: "new", from: 1, to: 2, reason: "epoch-changed" } as const;
    socket.deliver({ type: "system", event: "gap", channel: "room:1", message: "", ...gap });
    socket.message("room:1", 3);
    expect(got.gaps).toEqual([gap]);
    expect(got.messages).toEqual([3]);
  });

  test("causes no gap after an advance frame", async () => {
    const { socket, got } = await inRoom();
    socket.deliver({ type: "advance", channel: "room:1", offset: 12 });
    socket.message("room:1", 13);
    expect(got).toMatchObject({ gaps: [], messages: [13] });
  });

  test("is delivered every time if it has no offset", async () => {
    const { socket, got } = await inRoom();
    const typing = { type: "message", channel: "room:1", id: "x", timestamp: "", data: "typing" };
    socket.deliver(typing, typing);
    expect(got.messages).toEqual(["typing", "typing"]);
  });

  test("that does not match the schema is reported as an error, and the next one is delivered", async () => {
    const text = {
      "~standard": {
        version: 1,
        vendor: "test",
        validate: (value: unknown) =>
          typeof value === "string" ? { value: value.toUpperCase() } : { issues: [{ message: "no text" }] },
      },
    } as const;
    const { socket, got } = await inRoom({ schema: text });
    socket.message("room:1", 10, 7);
    socket.message("room:1", 11, "x");
    expect(got.errors).toEqual(["invalid-data: TypeError: no text"]);
    expect(got.messages).toEqual(["X"]);
  });
});

describe("after a reconnect", () => {
  test("sends channels and positions in the handshake, and delivers what follows once", async () => {
    const { environment, socket, got, client } = await inRoom();
    socket.message("room:1", 10);
    socket.end(1006);
    const next = await environment.untilNextTry(client);
    expect(next.query).toEqual({ channel: ["room:1"], since: "room%3A1~k3x9~10", takes_over: "key-of-the first" });
    next.welcome({ "room:1": { epoch: "k3x9", offset: 12, from: 11, recovered: true } });
    for (const offset of [11, 12]) next.message("room:1", offset);
    expect(got).toMatchObject({ messages: [10, 11, 12], gaps: [], errors: [] });
    expect(next.commands).toEqual([]);
  });

  test("reports a gap for messages that the history no longer has", async () => {
    const { environment, socket, got, client } = await inRoom();
    socket.end(1006);
    const next = await environment.untilNextTry(client);
    const reason = "history-too-short";
    next.welcome({ "room:1": { epoch: "k3x9", offset: 60, from: 50, recovered: false, reason } });
    next.message("room:1", 50);
    expect(got.gaps).toEqual([{ epoch: "k3x9", from: 10, to: 49, reason }]);
    expect(got.messages).toEqual([50]);
  });

  test("reports a gap for a new epoch, and continues from its start", async () => {
    const { environment, socket, got, client } = await inRoom();
    socket.end(1006);
    const next = await environment.untilNextTry(client);
    next.welcome({ "room:1": { epoch: "new", offset: 2, from: 1, recovered: false, reason: "epoch-changed" } });
    next.message("room:1", 1);
    next.message("room:1", 2);
    expect(got.gaps).toEqual([{ epoch: "new", from: 1, to: 0, reason: "epoch-changed" }]);
    expect(got.messages).toEqual([1, 2]);
  });

  test("resumes in full, however few messages the first subscription asked for", async () => {
    const { environment, socket, client, got } = await inRoom({ since: "last:2" });
    socket.end(1006);
    const next = await environment.untilNextTry(client);
    next.welcome({ "room:1": { epoch: "k3x9", offset: 14, from: 10, recovered: true } });
    for (let offset = 10; offset <= 14; offset++) next.message("room:1", offset);
    expect(got).toMatchObject({ messages: [10, 11, 12, 13, 14], gaps: [] });
  });

  test("after a refused handshake, connects without naming channels", async () => {
    const { environment, socket, client } = await inRoom();
    socket.end(1006);
    (await environment.untilNextTry(client)).end(4500);
    const next = await environment.untilNextTry(client);
    expect(next.query).toEqual({ takes_over: "key-of-the first" });
    next.welcome();
    const since = { epoch: "k3x9", offset: 9 };
    expect(next.commands).toEqual([{ type: "subscribe", channel: "room:1", since }]);
  });

  test("resumes `all` too if it has a listener", async () => {
    const { environment, socket, client } = await connected({ all: live });
    log(client.channel("all"));
    await environment.move(0);
    socket.subscribed("all", live);
    socket.end(1006);
    expect((await environment.untilNextTry(client)).query.since).toBe("all~k3x9~9");
  });

  test("sends in frames what does not fit into the URL", async () => {
    const environment = new ScriptedEnvironment();
    const client = environment.client();
    const names = Array.from({ length: 100 }, (_, index) => `${"x".repeat(48)}${index + 10}`);
    for (const name of names) client.channel(name).on("message", () => {});
    const socket = await environment.socket();
    const named = socket.target.query.getAll("channel");
    expect(named).toEqual(names.slice(0, 40));
    socket.welcome(Object.fromEntries(named.map((name) => [name, live])));
    expect(socket.commands).toEqual(names.slice(40).map((channel) => ({ type: "subscribe", channel })));
  });

  test("loses and repeats nothing during a handover between two connections", async () => {
    const { environment, socket, got } = await inRoom();
    socket.draining(true, 0);
    await environment.move(0);
    const successor = await environment.socket();
    socket.message("room:1", 10);
    socket.message("room:1", 11);
    successor.welcome({ "room:1": { epoch: "k3x9", offset: 11, from: 10, recovered: true } });
    for (const offset of [10, 11, 12]) successor.message("room:1", offset);
    socket.message("room:1", 13);
    expect(got).toMatchObject({ messages: [10, 11, 12], gaps: [] });
  });
});

describe("a refusal", () => {
  test("of one channel reaches its listeners, and the next connection asks for the channel again", async () => {
    const { environment, socket, client } = await connected();
    const { errors } = log(client.channel("secret"));
    await environment.move(0);
    socket.deliver({ type: "error", ref: socket.refOf("subscribe"), code: "forbidden", message: "not yours" });
    client.channel("secret").on("message", () => {});
    await environment.move(0);
    expect(errors).toEqual(["forbidden: not yours"]);
    expect(socket.commands).toHaveLength(1);
    socket.end(1006);
    const next = await environment.untilNextTry(client);
    expect(next.query.channel).toBeUndefined();
    next.welcome();
    expect(next.commands).toEqual([{ type: "subscribe", channel: "secret" }]);
  });

  test("of a handshake leads to one without channels, and to a subscribe frame for each", async () => {
    const environment = new ScriptedEnvironment();
    const client = environment.client();
    const [fine, secret] = [log(client.channel("fine")), log(client.channel("secret"))];
    (await environment.socket()).end(4500);
    const socket = await environment.untilNextTry(client);
    expect(socket.query).toEqual({});
    socket.welcome();
    const [first, second] = socket.sent;
    socket.deliver({ type: "subscribed", channel: "fine", ref: first?.ref, ...live });
    socket.deliver({ type: "error", ref: second?.ref, code: "forbidden", message: "not yours" });
    socket.message("fine", 10);
    expect(fine.messages).toEqual([10]);
    expect(secret.errors).toEqual(["forbidden: not yours"]);
  });

  test("of one channel of a handshake is reported once, by the subscribe command that follows", async () => {
    const environment = new ScriptedEnvironment();
    const client = environment.client();
    const unrelated: string[] = [];
    client.on("error", ({ code }) => unrelated.push(code));
    const { errors } = log(client.channel("secret"));
    const socket = await environment.socket();
    expect(socket.query.channel).toEqual(["secret"]);
    socket.welcome();
    socket.deliver({ type: "error", channel: "secret", code: "forbidden", message: "not yours" });
    expect([errors, unrelated]).toEqual([[], []]);
    socket.deliver({ type: "error", ref: socket.refOf("subscribe"), code: "forbidden", message: "not yours" });
    expect([errors, unrelated]).toEqual([["forbidden: not yours"], []]);
  });

  test("of a handshake without channels is final", async () => {
    const environment = new ScriptedEnvironment();
    const client = environment.client();
    log(client.channel("room:1"));
    (await environment.socket()).end(4500);
    (await environment.untilNextTry(client)).end(4500);
    expect(client.state).toMatchObject({ status: "closed", code: 4500 });
  });

  test("because the user is already connected does not affect the channels", async () => {
    const environment = new ScriptedEnvironment();
    const client = environment.client();
    log(client.channel("room:1"));
    (await environment.socket()).end(4501);
    expect(client.state).toMatchObject({ status: "closed", code: 4501 });
  });

  test("because the broker is unavailable does not end the subscription", async () => {
    const { environment, socket, client } = await connected();
    const { errors, messages } = log(client.channel("room:1"));
    const refuse = () => {
      const ref = socket.refOf("subscribe");
      socket.deliver({ type: "error", ref, code: "broker-unavailable", message: "", retry_after_ms: 0 });
    };
    await environment.move(0);
    refuse();
    await environment.move(500);
    refuse();
    await environment.move(1000);
    socket.subscribed("room:1", live);
    socket.message("room:1", 10);
    expect([errors, messages]).toEqual([[], [10]]);
    expect(socket.commands).toHaveLength(3);
  });

  test("that is temporary is retried", async () => {
    const { environment, socket, client } = await connected();
    const { errors } = log(client.channel("room:1"));
    await environment.move(0);
    const ref = socket.refOf("subscribe");
    socket.deliver({ type: "error", ref, code: "rate-limited", message: "", retry_after_ms: 800 });
    await environment.move(1299);
    expect(socket.commands).toHaveLength(1);
    await environment.move(1);
    expect(socket.commands).toHaveLength(2);
    expect(errors).toEqual([]);
  });
});

describe("the start of a subscription", () => {
  test.each(["earliest", "last:10", { epoch: "k3x9", offset: 4 }] as const)("is sent as %p", async (since) => {
    const { environment, socket, client } = await connected();
    log(client.channel("room:1", { since }));
    await environment.move(0);
    expect(socket.commands).toEqual([{ type: "subscribe", channel: "room:1", since }]);
  });

  test("is never sent as a word in the handshake, where it would apply to all channels", async () => {
    const environment = new ScriptedEnvironment();
    const client = environment.client();
    log(client.channel("room:1", { since: "last:10" }));
    const socket = await environment.socket();
    expect(socket.query).toEqual({});
    socket.welcome();
    expect(socket.commands).toEqual([{ type: "subscribe", channel: "room:1", since: "last:10" }]);
  });

  test.each([
    ["last:2", [8, 9, 10]],
    ["earliest", [5, 6, 7, 8, 9, 10]],
  ] as const)("%p over a stream requests everything and drops what was not asked for", async (since, expected) => {
    const environment = new ScriptedEnvironment();
    const client = environment.client({ transports: ["sse"] });
    const { messages, gaps } = log(client.channel("room:1", { since }));
    const socket = await environment.socket();
    expect(socket.query).toEqual({ channel: ["room:1"], since: "room%3A1~_~0" });
    const joined = { epoch: "k3x9", offset: 9, from: 5, recovered: false, reason: "epoch-changed" } as const;
    socket.welcome({ "room:1": joined });
    for (let offset = 5; offset <= 10; offset++) socket.message("room:1", offset);
    expect(messages).toEqual([...expected]);
    expect(gaps).toEqual([]);
  });

  test("in `all` leaves the channel first, since the connection is in it already", async () => {
    const { environment, socket, client } = await connected({ all: live });
    const since = { epoch: "k3x9", offset: 4 };
    log(client.channel("all", { since }));
    await environment.move(0);
    expect(socket.commands).toEqual([
      { type: "unsubscribe", channel: "all" },
      { type: "subscribe", channel: "all", since },
    ]);
  });
});

describe("over a stream", () => {
  test("a further channel needs a new connection that takes over", async () => {
    const { environment, socket, client } = await connected({}, "sse");
    log(client.channel("room:1"));
    log(client.channel("room:2"));
    await environment.move(0);
    const next = await environment.socket();
    expect(next.query).toEqual({ channel: ["room:1", "room:2"], takes_over: "key-of-the first" });
    expect(socket.isClosed).toBe(false);
    next.welcome({ "room:1": live, "room:2": live });
    await environment.move(0);
    expect(socket.isClosed).toBe(true);
    expect(environment.sockets).toHaveLength(2);
  });

  test("all channels are sent in the handshake, the only place for them", async () => {
    const environment = new ScriptedEnvironment();
    const client = environment.client({ transports: ["sse"] });
    const names = Array.from({ length: 100 }, (_, index) => `${"x".repeat(48)}${index + 10}`);
    for (const name of names) client.channel(name).on("message", () => {});
    expect((await environment.socket()).query.channel).toEqual(names);
  });

  test("a refused channel does not affect the connection, and is not requested again", async () => {
    const environment = new ScriptedEnvironment();
    const client = environment.client({ transports: ["sse"] });
    log(client.channel("fine"));
    const socket = await environment.socket();
    socket.welcome({ fine: live });
    const { errors } = log(client.channel("secret"));
    await environment.move(0);
    (await environment.socket()).end(4500);
    expect(errors).toEqual(["forbidden: as the test says"]);
    expect(client.state.status).toBe("connected");
    expect(socket.isClosed).toBe(false);
    const next = await environment.untilTimer(1000);
    expect(next.query).toEqual({ channel: ["fine"], since: "fine~k3x9~9", takes_over: "key-of-the first" });
    next.welcome({ fine: live });
    await environment.move(1000);
    expect(environment.sockets).toHaveLength(3);
  });
});

async function connected(channels = {}, transport: "websocket" | "sse" = "websocket") {
  const environment = new ScriptedEnvironment();
  return { environment, ...(await environment.connected({ transports: [transport] }, channels)) };
}

/** Subscribed to `room:1`. The next offset is 10. */
async function inRoom(options: ChannelOptions = {}) {
  const { environment, socket, client } = await connected();
  const room = client.channel("room:1", options);
  const got = log(room);
  await environment.move(0);
  socket.subscribed("room:1", live);
  await settle();
  return { environment, socket, client, room, got };
}

/** Every event of a channel, in order. */
function log(channel: Channel) {
  const messages: unknown[] = [];
  const gaps: Gap[] = [];
  const errors: string[] = [];
  const offs = [
    channel.on("message", ({ data }) => void messages.push(data)),
    channel.on("gap", (gap) => void gaps.push(gap)),
    channel.on("error", ({ code, message }) => void errors.push(`${code}: ${message}`)),
  ];
  return { messages, gaps, errors, off: () => offs.forEach((off) => void off()) };
}
