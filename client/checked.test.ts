import { expect, test } from "bun:test";
import { BroadcastClient } from "./broadcast-client.ts";
import { createClient } from "./checked.ts";
import { refuseWrongValues } from "./option-values.ts";
import { createPublisher, createToken } from "./publisher/index.ts";
import { makeHooks } from "./react.ts";

/** Arguments that a program in JavaScript may pass. */
const untyped = (options: object) => options as never;
const nobody = "http://127.0.0.1:1";
const secret = "a-secret-of-the-test-that-is-long-enough";
const publisher = createPublisher({ url: nobody, retryMs: 0 });

function channel(options?: object) {
  const client = createClient(nobody, { transports: ["sse"] });
  client.close();
  return client.channel("room", options === undefined ? undefined : untyped(options));
}

const calls: Readonly<Record<string, { readonly call: () => unknown; readonly message: string }>> = {
  createClient: {
    call: () => createClient(nobody, untyped({ userid: "alice" })),
    message: 'createClient: unknown option "userid". Did you mean "userId"?',
  },
  channel: { call: () => channel({ sicne: 1 }), message: 'channel: unknown option "sicne". Did you mean "since"?' },
  publish: {
    call: () => channel().publish(1, untyped({ emphemeral: true })),
    message: 'publish: unknown option "emphemeral". Did you mean "ephemeral"?',
  },
  history: {
    call: () => channel().history(untyped({ max: 10 })),
    message: 'history: unknown option "max". Options: since, limit.',
  },
  BroadcastClient: {
    call: () => new BroadcastClient(untyped({ user_id: "alice" })),
    message: 'BroadcastClient: unknown option "user_id". Did you mean "userId"?',
  },
  useChannel: {
    call: () => makeHooks(untyped({})).useChannel(untyped({}), "room", untyped({ onMesage: () => {} })),
    message: 'useChannel: unknown option "onMesage". Did you mean "onMessage"?',
  },
  createPublisher: {
    call: () => createPublisher(untyped({ url: nobody, apikey: "k" })),
    message: 'createPublisher: unknown option "apikey". Did you mean "apiKey"?',
  },
  "publish of a publisher": {
    call: () => publisher.publish("room", 1, untyped({ delay_s: 60 })),
    message:
      'publish: unknown option "delay_s". Options: id, message, event, sender, key, headers, ephemeral, excludeConnectionId, signal.',
  },
  push: {
    call: () => publisher.push("alice", 1, untyped({ evnet: "x" })),
    message: 'push: unknown option "evnet". Did you mean "event"?',
  },
  batch: {
    call: () => publisher.batch([{ channel: "room", data: 1 }, untyped({ user: "alice", data: 2 })]),
    message:
      'batch: unknown option "user". Options: id, message, event, sender, key, headers, ephemeral, excludeConnectionId, signal, channel, userId, data.',
  },
  "batch of a text": {
    call: () => publisher.batch(untyped("room" as never)),
    message: "batch: expected an array of publications",
  },
  createToken: {
    call: () => createToken(untyped({ userId: "alice", secret, expiresIn: 60 })),
    message: 'createToken: unknown option "expiresIn". Did you mean "expiresInS"?',
  },
};

test.each(Object.entries(calls))(
  "%s refuses an unknown option, and names the known one",
  async (_, { call, message }) => {
    const attempt = async () => call();
    await expect(attempt()).rejects.toThrow(new TypeError(message));
  },
);

const soon = Promise.resolve("t");

test.each([
  ["localhost:8000", {}, 'url: expected an address such as "https://push.example.com", got "localhost:8000"'],
  ["127.0.0.1:8000", {}, /^createClient: url: .*, got "127.0.0.1:8000"$/],
  ["ftp://push.test", {}, /^createClient: url: /],
  ["/relative", {}, /^createClient: url: /], // outside of a page
  [undefined, {}, /^createClient: url: .*, got nothing$/],
  [
    nobody,
    { token: soon },
    "token: expected a text, or a function that returns one or a promise of one, got a promise",
  ],
  [nobody, { token: 5 }, /^createClient: token: .*, got 5$/],
  [nobody, { transports: [] }, 'transports: expected an array of "websocket" or "sse" or both, got []'],
  [nobody, { transports: ["WebSocket"] }, /^createClient: transports: .*, got \["WebSocket"\]$/],
  [nobody, { transports: "sse" }, /^createClient: transports: .*, got "sse"$/],
  [nobody, { queueSize: Number.NaN }, "queueSize: expected a number from 1, got NaN"],
])("createClient(%p, %p) is refused: a client with it would only retry", (url, options, message) => {
  expect(() => createClient(url as never, untyped(options))).toThrow(message);
});

test.each([undefined, "", 5, null])("a channel cannot be called %p", (name) => {
  const client = createClient(nobody, { transports: ["sse"] });
  client.close();
  expect(() => client.channel(name as never)).toThrow('channel: expected a name such as "room:1", got ');
});

test.each(["https://push.test", "ws://localhost:8000/ws", "http://[::1]:8000"])("createClient(%p) connects", (url) => {
  const client = createClient(url, { transports: ["sse"], token: untyped(null as never), queueSize: 1 });
  expect(client.state.status).toBe("connecting");
  client.close();
});

test("in a page, a client's address may be relative, and cannot lack its scheme", () => {
  const page = "https://app.test/";
  expect(() => refuseWrongValues("/push", {}, page)).not.toThrow();
  expect(() => refuseWrongValues("127.0.0.1:8000", {}, page)).toThrow("url: expected");
});

test("a client that checks options is otherwise the same client", async () => {
  const client = createClient(nobody, { transports: ["sse"], userId: undefined });
  const states: string[] = [];
  client.on("state", ({ status }) => states.push(status));
  expect(client.state.status).toBe("connecting");
  const room = client.channel("room", { since: "earliest" });
  expect([room.name, room.position]).toEqual(["room", undefined]);
  const publication = room.publish(1, { ephemeral: true });
  client.close();
  await expect(publication).rejects.toMatchObject({ code: "closed" });
  await expect(room.history({ limit: 1 })).rejects.toMatchObject({ code: "closed" });
  expect([client.state.status, ...states]).toEqual(["closed", "closed"]);
});

test("the script for pages without modules refuses unknown options", async () => {
  await import("./browser.ts");
  const { Fanfare } = globalThis as unknown as { readonly Fanfare: { readonly createClient: typeof createClient } };
  expect(() => Fanfare.createClient(nobody, untyped({ tokn: "t" }))).toThrow('Did you mean "token"?');
});
