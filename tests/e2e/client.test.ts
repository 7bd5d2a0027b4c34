import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SignJWT } from "jose";
import type { Channel } from "../../client/channel.ts";
import { type Client, type ClientOptions, createClient } from "../../client/client.ts";
import { clockToleranceS } from "../../server/auth/token-claims.ts";
import { eventually } from "../waiting.ts";
import { Relay } from "./relay.ts";
import { startServer } from "./server.ts";

describe.each(["websocket", "sse"] as const)("over %s", (transport) => {
  const options: ClientOptions = { transports: [transport], userId: "alice" };

  test("a publication is delivered once, and acknowledged", async () => {
    await using server = await startServer();
    using alice = use(createClient(server.url, options));
    const room = alice.client.channel<{ n: number }>("room:1");
    const got = collect(room);
    await alice.connected();
    const acks = await Promise.all([room.publish({ n: 1 }), room.publish({ n: 2 }, { echo: false, sender: "A" })]);
    acks.push(await room.publish({ n: 3 }, { event: "moved", message: "Three" }));
    await got.until(() => got.messages.length === 2);
    expect(acks.map(({ offset, duplicate }) => [offset, duplicate])).toEqual([
      [1, false],
      [2, false],
      [3, false],
    ]);
    expect(got.messages).toMatchObject([
      { offset: 1, data: { n: 1 }, sender: "alice" },
      { offset: 3, data: { n: 3 }, event: "moved", message: "Three" },
    ]);
    expect(got.gaps).toEqual([]);
    expect(await room.history({ since: "last:2" })).toMatchObject({
      complete: true,
      offset: 3,
      messages: [{ offset: 2 }, { offset: 3 }],
    });
    expect(await room.presence()).toMatchObject({ count: 1, users: ["alice"] });
  });

  test("a push to the user, a chat and a late channel all arrive", async () => {
    await using server = await startServer();
    using alice = use(createClient(server.url, options));
    const own = collect(alice.client.channel("@alice"));
    const all = collect(alice.client.channel("all"));
    await alice.connected();
    await server.request("POST", "/sse/push", { user_id: "alice", data: { order: 42 } });
    await alice.client.say("Hello", "Alice");
    await all.until(() => all.messages.length === 1);
    await own.until(() => own.messages.length === 1);
    const late = collect(alice.client.channel("late", { since: "last:2" }));
    for (const n of [1, 2, 3]) await server.request("POST", "/v1/publish", { channel: "late", data: n });
    await late.until(() => late.messages.at(-1)?.data === 3);
    expect(own.messages).toMatchObject([{ data: { order: 42 } }]);
    expect(all.messages).toMatchObject([{ message: "Hello", sender: "Alice" }]);
  });

  test("a connection that breaks repeatedly loses nothing and duplicates nothing", async () => {
    await using server = await startServer({ env: { MESSAGE_RATE: "0" } });
    using relay = await Relay.to(server.port);
    using alice = use(createClient(relay.url, options));
    const room = alice.client.channel<number>("room:1");
    const got = collect(room);
    await alice.connected();
    const published: Promise<unknown>[] = [];
    for (let n = 1; n <= 200; n++) {
      if (n % 2 === 0) await server.request("POST", "/v1/publish", { channel: "room:1", data: n });
      else published.push(room.publish(n));
      if (n % 50 === 0) relay.cut();
    }
    await Promise.all(published);
    await got.until(() => got.messages.length >= 200);
    expect(got.messages.map(({ offset }) => offset)).toEqual(Array.from({ length: 200 }, (_, index) => index + 1));
    expect(got.messages.map(({ data }) => data).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 200 }, (_, index) => index + 1),
    );
    expect(got.gaps).toEqual([]);
  });

  test("the client leaves a stopped server at once, finds the next one, and gets the gap", async () => {
    const env = { DRAIN_WINDOW: "0" };
    await using old = await startServer({ env });
    using relay = await Relay.to(old.port);
    using alice = use(createClient(relay.url, options));
    const room = alice.client.channel<number>("room:1");
    const got = collect(room);
    await alice.connected();
    await room.publish(1);
    await got.until(() => got.messages.length === 1);
    old.signal("SIGTERM");
    expect(await old.exited).toBe(0);
    expect(old.output).toContain('"initial":1,"left":1');
    await using next = await startServer({ env });
    relay.port = next.port;
    await room.publish(2);
    await got.until(() => got.messages.length === 2);
    expect(got.messages).toMatchObject([
      { offset: 1, data: 1 },
      { offset: 1, data: 2 },
    ]);
    expect(got.gaps).toMatchObject([{ reason: "epoch-changed" }]);
  });

  test("a user with a limit of one connection reconnects before the server notices the break", async () => {
    await using server = await startServer({ env: { USER_CONNECTIONS: "reject" } });
    using relay = await Relay.to(server.port);
    using alice = use(createClient(relay.url, options));
    await alice.connected();
    using second = use(createClient(server.url, options));
    expect(await second.until("closed")).toMatchObject({ code: 4501 });
    server.signal("SIGSTOP"); // So that the end of the connection and the new handshake arrive together.
    relay.cut();
    await alice.until("reconnecting");
    server.signal("SIGCONT");
    await alice.connected();
  });

  test("before a token expires, the client moves to a connection with a new one, and misses nothing", async () => {
    const secret = "a-secret-of-the-test-that-is-long-enough";
    await using server = await startServer({ env: { JWT_SECRET: secret, API_KEY: "key-of-the-test-that-is-long" } });
    let asked = 0;
    // The server's tolerance for clock differences counts too: the token expires in about two seconds.
    const token = () => tokenFor(secret, ++asked === 1 ? 2 - clockToleranceS : 3600);
    using alice = use(createClient(server.url, { transports: [transport], token }));
    const room = alice.client.channel("room:1");
    const got = collect(room);
    await alice.connected();
    const key = { Authorization: "Bearer key-of-the-test-that-is-long" };
    const publish = (data: string) => server.request("POST", "/v1/publish", { channel: "room:1", data }, key);
    await publish("before");
    await eventually(() => expect(asked).toBe(2));
    await publish("after");
    await got.until(() => got.messages.length === 2);
    expect(got.gaps).toEqual([]);
  });
});

test("over a stream, forbidden channels are refused once, and the others work", async () => {
  const cwd = mkdtempSync(join(tmpdir(), "fanfare-e2e-"));
  writeFileSync(join(cwd, "fanfare.config.yaml"), 'channels:\n  - { match: "secret:*", subscribe: nobody }\n');
  await using server = await startServer({ cwd });
  using alice = use(createClient(server.url, { transports: ["sse"], userId: "alice" }));
  const refusals: string[] = [];
  for (const name of ["secret:1", "@bob"]) {
    alice.client.channel(name).on("message", () => expect.unreachable());
    alice.client.channel(name).on("error", ({ code, message }) => refusals.push(`${code}: ${message}`));
  }
  const got = collect(alice.client.channel("room:1"));
  await alice.connected();
  await server.request("POST", "/v1/publish", { channel: "room:1", data: 1 });
  await got.until(() => got.messages.length === 1 && refusals.length === 2);
  expect(refusals.toSorted()).toEqual([
    expect.stringContaining('forbidden: not allowed to subscribe to "secret:1"'),
    "forbidden: not in a stream: @bob",
  ]);
  expect(server.output.match(/Client connected/g)).toHaveLength(1);
  rmSync(cwd, { recursive: true });
});

test("if WebSockets are blocked, the client uses a stream, and reconnects after a break", async () => {
  await using server = await startServer();
  using relay = await Relay.to(server.port);
  relay.blocksWebSockets = true;
  using alice = use(createClient(relay.url, { userId: "alice" }));
  const room = alice.client.channel<number>("room:1");
  const got = collect(room);
  await alice.connected();
  await room.publish(1);
  relay.cut();
  await room.publish(2);
  await got.until(() => got.messages.length === 2);
  expect(got.messages.map(({ data }) => data)).toEqual([1, 2]);
});

test("a forbidden channel is reported, and does not affect the others", async () => {
  const secret = "a-secret-of-the-test-that-is-long-enough";
  await using server = await startServer({ env: { JWT_SECRET: secret, API_KEY: "key-of-the-test-that-is-long" } });
  using alice = use(createClient(server.url, { token: () => tokenFor(secret, 60) }));
  const refused = Promise.withResolvers<string>();
  alice.client.channel("secret").on("error", ({ code }) => refused.resolve(code));
  const room = alice.client.channel("room:1");
  const got = collect(room);
  expect(await refused.promise).toBe("forbidden");
  await room.publish("for all that may");
  await got.until(() => got.messages.length === 1);
});

test.each(["websocket", "sse"] as const)(
  "a token that has expired before the handshake is replaced, over %s",
  async (name) => {
    const secret = "a-secret-of-the-test-that-is-long-enough";
    await using server = await startServer({ env: { JWT_SECRET: secret, API_KEY: "key-of-the-test-that-is-long" } });
    let asked = 0;
    const token = () => tokenFor(secret, ++asked === 1 ? -3600 : 3600);
    using alice = use(createClient(server.url, { transports: [name], token }));
    expect(await alice.until("reconnecting")).toMatchObject({ code: 4010 });
    await alice.connected();
    expect(asked).toBe(2);
  },
);

test("a publication at the limit is stored, however it is escaped; a larger one is refused, and the client continues", async () => {
  await using server = await startServer({ env: { MESSAGE_RATE: "20" } });
  using alice = use(createClient(server.url, { queueSize: 400 }));
  const room = alice.client.channel("room:1");
  await alice.connected();
  expect(await room.publish("x".repeat(65_534))).toMatchObject({ duplicate: false });
  await expect(room.publish("x".repeat(65_535))).rejects.toMatchObject({ code: "too-large" });
  await expect(room.publish("x".repeat(2_000_000))).rejects.toMatchObject({ code: "too-large" });
  const emoji = JSON.stringify("😀".repeat(15_000)).replaceAll("😀", "\\ud83d\\ude00");
  const raw = new WebSocket(server.wsUrl);
  const answered = Promise.withResolvers<string>();
  raw.onopen = () => raw.send(`{"type":"publish","channel":"room:1","data":${emoji},"ref":1}`);
  raw.onmessage = ({ data }) => String(data).includes('"ref":1') && answered.resolve(String(data));
  expect(JSON.parse(await answered.promise)).toMatchObject({ type: "ack", ref: 1 });
  raw.close();
  // More than the server reads at once. None is closed for exceeding the rate.
  const states: number[] = [];
  alice.client.on("state", ({ code }) => void states.push(code));
  const acks = await Promise.all(Array.from({ length: 100 }, (_, at) => room.publish(at)));
  expect(acks.map(({ offset = 0 }) => offset)).toEqual(acks.map((_, at) => at + 3));
  expect(states).toEqual([]);
});

test("a refused client is told why, and does not reconnect", async () => {
  const secret = "a-secret-of-the-test-that-is-long-enough";
  await using server = await startServer({ env: { JWT_SECRET: secret, API_KEY: "key-of-the-test-that-is-long" } });
  using alice = use(createClient(server.url, { token: "nonsense" }));
  expect(await alice.until("closed")).toMatchObject({ code: 4500 });
});

test("more channels than fit into a URL are all subscribed to, and resumed", async () => {
  await using server = await startServer();
  using relay = await Relay.to(server.port);
  using alice = use(createClient(relay.url));
  const names = Array.from({ length: 100 }, (_, index) => `${"long-name-".repeat(6)}${index}`);
  const logs = names.map((name) => collect(alice.client.channel<number>(name)));
  const publishToAll = async (data: number) => {
    const answer = await server.request("POST", "/v1/publish", { channels: names, data });
    expect(answer.status).toBe(200);
  };
  await alice.connected();
  await alice.client.channel("all").presence(); // Answered after everything sent before it.
  await publishToAll(1);
  relay.cut();
  await publishToAll(2);
  for (const got of logs) await got.until(() => got.messages.length === 2);
  expect(logs.flatMap(({ gaps }) => gaps)).toEqual([]);
});

test.each(["websocket", "sse"])("the SDK runs in Node, over %s", async (transport) => {
  await using server = await startServer();
  const built = await Bun.build({ entrypoints: [join(import.meta.dir, "../../client/index.ts")], target: "browser" });
  const script = `${await built.outputs[0]?.text()}
    const client = createClient(process.argv[1], { transports: [process.argv[2]] });
    const room = client.channel("room:1", { since: "earliest" });
    room.on("message", ({ data }) => { console.log(data.text); client.close(); });
    await room.publish({ text: "from Node" }).catch(() => {});`;
  // Node 20 has WebSocket behind a flag, which later versions still accept.
  const command = ["node", "--experimental-websocket", "--input-type=module", "--eval", script, server.url, transport];
  const node = Bun.spawn(command, { stdio: ["ignore", "pipe", "inherit"] });
  expect(await new Response(node.stdout).text()).toBe("from Node\n");
  expect(await node.exited).toBe(0);
});

function use(client: Client) {
  const until = async (status: string) => {
    if (client.state.status !== status) {
      await new Promise<void>((resolve) => {
        const off = client.on("state", (state) => {
          if (state.status !== status) return;
          off();
          resolve();
        });
      });
    }
    return client.state;
  };
  return { client, until, connected: () => until("connected"), [Symbol.dispose]: () => client.close() };
}

/** Every event of a channel, and a wait for more. */
function collect<Data>(channel: Channel<unknown, Data> | Channel<Data>) {
  const messages: { readonly offset?: number; readonly data: Data }[] = [];
  const gaps: unknown[] = [];
  const wakes = new Set<() => void>();
  channel.on("message", (message) => {
    messages.push(message);
    for (const wake of wakes) wake();
  });
  channel.on("gap", (gap) => void gaps.push(gap));
  const until = async (isDone: () => boolean) => {
    while (!isDone()) await new Promise<void>((resolve) => void wakes.add(resolve));
    wakes.clear();
  };
  return { messages, gaps, until };
}

function tokenFor(secret: string, seconds: number): Promise<string> {
  return new SignJWT({ subscribe: ["room:*"], publish: ["room:*"] })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject("alice")
    .setExpirationTime(Math.floor(Date.now() / 1000) + seconds)
    .sign(new TextEncoder().encode(secret));
}
