import { expect, test } from "bun:test";
import { join } from "node:path";
import { RedisServer } from "../redis/redis.ts";
import { testIf } from "../test-if.ts";
import { eventually } from "../waiting.ts";
import { type ServerUnderTest, startServer } from "./server.ts";
import { SocketUnderTest } from "./socket.ts";
import { hookSecret, WebhookReceiver } from "./webhook-receiver.ts";

const everything = { WEBHOOK_EVENTS: "connected,disconnected,joined,left,occupied,vacated,published" };

/** Users join a room on these servers in turn, publish, and leave it. */
async function visit(servers: readonly ServerUnderTest[], receiver: WebhookReceiver) {
  const users = Array.from({ length: 6 }, (_, at) => `u${at}`);
  const serverOf = (at: number) => servers[at % servers.length] as ServerUnderTest;
  const sockets: SocketUnderTest[] = [];
  for (const [at, user] of users.entries()) {
    sockets.push(await SocketUnderTest.open(`${serverOf(at).wsUrl}?user_id=${user}&channel=room:1&channel=other`));
  }
  for (let at = 0; at < 10; at++) {
    const body = { channel: "room:1", data: { n: at } };
    expect((await serverOf(at).request("POST", "/v1/publish", body)).status).toBe(200);
  }
  for (const socket of sockets) socket.send({ type: "unsubscribe", channel: "room:1" });
  await receiver.untilReceived("vacated");
  for (const socket of sockets) socket.close();
  await receiver.untilReceived("disconnected", users.length);
  return users;
}

/** Each event arrived once: no two of them are about the same thing. */
function expectEachOnce({ received, forged }: WebhookReceiver, users: readonly string[]): void {
  expect(forged).toBe(0);
  expect(new Set(received.map(({ id }) => id)).size).toBe(received.length);
  const ofThem = (type: string) => received.filter((it) => it.type === type).map(({ data }) => data);
  for (const type of ["connected", "disconnected", "joined", "left"]) {
    const them = ofThem(type).map((it) => `${type} ${it.user_id}`);
    expect(them.toSorted()).toEqual(users.map((it) => `${type} ${it}`));
  }
  expect(
    ofThem("joined")
      .map(({ count }) => count)
      .toSorted(),
  ).toEqual([1, 2, 3, 4, 5, 6]);
  expect([...ofThem("occupied"), ...ofThem("vacated")]).toMatchObject([
    { channel: "room:1", position: 1 },
    { channel: "room:1", position: 12 },
  ]);
  const published = ofThem("published").toSorted((a, b) => Number(a.offset) - Number(b.offset));
  expect(published.map(({ offset, data }) => [offset, data])).toEqual(
    Array.from({ length: 10 }, (_, n) => [n + 1, { n }]),
  );
  expect(received.filter(({ data }) => data.channel === "other")).toEqual([]);
}

test("the application is told each event once, in order, by one process", async () => {
  using receiver = new WebhookReceiver();
  await using server = await startServer({
    env: { ...receiver.env, ...everything, WEBHOOK_CHANNELS: "room:*", PRESENCE_RATE: "0" },
  });
  expectEachOnce(receiver, await visit([server], receiver));
  const ofRoom = receiver.received.filter(({ data }) => data.channel === "room:1").map(({ type }) => type);
  const joins = ["occupied", ...Array.from({ length: 6 }, () => "joined")];
  const rest = [
    ...Array.from({ length: 10 }, () => "published"),
    ...Array.from({ length: 6 }, () => "left"),
    "vacated",
  ];
  expect(ofRoom).toEqual([...joins, ...rest]);
  const { webhooks_sent_total: sent, webhooks_dropped_total: dropped } = (await (
    await server.request("GET", "/metrics")
  ).json()) as Record<string, number>;
  expect([sent, dropped]).toEqual([receiver.received.length, 0]);
});

const long = testIf(process.env.FANFARE_LONG === "1", "takes long; run it with npm run test:long");

long("the application is told each event once by several workers", async () => {
  using receiver = new WebhookReceiver();
  const env = { ...receiver.env, ...everything, WEBHOOK_CHANNELS: "room:*" };
  await using server = await startServer({ env, flags: ["--workers", "2"] });
  expectEachOnce(receiver, await visit([server], receiver));
});

test("the application is told each event once by two nodes on one Redis", async () => {
  using receiver = new WebhookReceiver();
  await using redis = await RedisServer.start();
  const env = { ...receiver.env, ...everything, WEBHOOK_CHANNELS: "room:*", REDIS_URL: redis.url };
  await using one = await startServer({ env });
  await using two = await startServer({ env });
  expectEachOnce(receiver, await visit([one, two], receiver));
});

test("a receiver that fails is asked again, and a server that stops sends what it has", async () => {
  using receiver = new WebhookReceiver();
  receiver.failures = 2;
  await using server = await startServer({ env: { ...receiver.env, SHUTDOWN_TIMEOUT: "1s", DRAIN_WINDOW: "0" } });
  using socket = await SocketUnderTest.open(`${server.wsUrl}?user_id=alice`);
  await receiver.untilReceived("connected");
  server.signal("SIGTERM");
  await socket.untilClosed();
  await server.exited;
  expect(receiver.received.map(({ type, data }) => [type, data.user_id])).toEqual([
    ["connected", "alice"],
    ["disconnected", "alice"],
  ]);
});

test("a receiver that does not answer delays nobody", async () => {
  using receiver = new WebhookReceiver();
  receiver.hangs = true;
  await using server = await startServer({ env: { ...receiver.env, ...everything, WEBHOOK_QUEUE_SIZE: "50" } });
  using socket = await SocketUnderTest.open(`${server.wsUrl}?user_id=alice&channel=room`);
  for (let at = 0; at < 200; at++) await server.request("POST", "/v1/publish", { channel: "room", data: at });
  await eventually(() => expect(socket.messages).toHaveLength(200));
  const metrics = (await (await server.request("GET", "/metrics")).json()) as Record<string, number>;
  expect(metrics.webhooks_waiting).toBe(50);
  expect(metrics.webhooks_dropped_total).toBe(153); // of 200 and three of the connection
});

test("the example verifies signatures, decides, and prints each event once", async () => {
  const program = join(import.meta.dir, "..", "..", "examples", "webhooks", "receiver.mjs");
  await using child = Bun.spawn(["node", program, "0"], {
    env: { ...process.env, HOOK_SECRET: hookSecret },
    stdout: "pipe",
  });
  let output = "";
  const reading = (async () => {
    for await (const chunk of child.stdout) output += new TextDecoder().decode(chunk);
  })();
  await eventually(() => expect(output).toContain("Waiting for hooks at"));
  const url = /at (\S+)/.exec(output)?.[1] ?? "";
  const forged = await fetch(url, { method: "POST", body: "{}", headers: { "webhook-signature": "v1,AAAA" } });
  expect(forged.status).toBe(400);
  const env = { WEBHOOK_URL: url, CONNECT_HOOK_URL: url, HOOK_SECRET: hookSecret };
  await using server = await startServer({ env });
  using socket = await SocketUnderTest.open(`${server.wsUrl}?user_id=alice`);
  expect((await server.request("GET", "/sse?user_id=mallory")).status).toBe(403);
  await eventually(() => expect(output).toContain(`connected {"connection_id":"${socket.welcome.connection_id}"`));
  expect(output).not.toContain("mallory");
  child.kill();
  await reading;
});
