import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { ChannelName } from "../../protocol/channel-name.ts";
import type { Publication } from "../../protocol/publication.ts";
import { RedisBroker } from "../../server/broker/redis/broker.ts";
import { systemClock } from "../../server/lib/clock.ts";
import { makeScript } from "../../server/lib/redis/script.ts";
import { RedisStore } from "../../server/lib/redis/store.ts";
import { Shared } from "../shared.ts";
import { until } from "../waiting.ts";
import { RedisServer } from "./redis.ts";
import { noReadLimits, serverRecord } from "./server-record.ts";

let server: RedisServer;
const shared = new Shared();
beforeAll(async () => {
  server = await shared.use(RedisServer.start());
});
afterAll(() => shared.close());

const echo = makeScript("return ARGV[1]");

/** A store, and how often it connected and disconnected. */
async function storeOf() {
  const seen = { up: 0, down: 0, messages: [] as string[] };
  const store = new RedisStore(
    { address: server.address, scripts: [echo], clock: systemClock },
    {
      onUp: () => seen.up++,
      onDown: () => seen.down++,
      onMessage: (channel, text) => seen.messages.push(`${channel} ${text}`),
    },
  );
  await store.start();
  return { store, seen };
}

describe("a store on one server", () => {
  test("runs scripts in the order of the calls", async () => {
    const { store } = await storeOf();
    const { commands } = store.shardOf("key");
    const answers = await Promise.all(Array.from({ length: 500 }, (_, n) => commands.run(echo, ["key"], [n])));
    expect(answers.map(Number)).toEqual(Array.from({ length: 500 }, (_, n) => n));
    store.close();
  });

  test("commands in flight when the connection breaks fail, and are not sent again", async () => {
    const { store, seen } = await storeOf();
    const { commands } = store.shardOf("counter");
    server.signal("SIGSTOP");
    const calls = Array.from({ length: 50 }, () => commands.call("INCR", "counter"));
    const settled = Promise.allSettled(calls);
    commands.restart();
    expect((await settled).every(({ status }) => status === "rejected")).toBe(true);
    server.signal("SIGCONT");
    await until(() => seen.up === 2, "the store is up again");
    expect(Number(await commands.call("GET", "counter"))).toBeLessThanOrEqual(50);
    store.close();
  });

  test("resubscribes to exactly the wanted topics after a break", async () => {
    const { store, seen } = await storeOf();
    await store.subscribe(["a", "b"]);
    await store.unsubscribe(["b"]);
    await server.command("CLIENT", "KILL", "TYPE", "pubsub");
    await until(() => seen.up === 2, "the store is up again");
    expect(await server.command("PUBLISH", "b", "nobody")).toBe(0);
    expect(await server.command("PUBLISH", "a", "hello")).toBe(1);
    await until(() => seen.messages.length > 0, "the message has come");
    expect(seen).toEqual({ up: 2, down: 1, messages: ["a hello"] });
    store.close();
  });
});

test("another program's messages on a channel's topic cost neither the connection nor a message", async () => {
  const received: Publication[] = [];
  const address = server.address;
  const broker = new RedisBroker({
    address,
    prefix: "foreign",
    record: serverRecord,
    rulesOf: noReadLimits,
    replicas: 0,
    idWindowMs: 1000,
    clock: systemClock,
  });
  await broker.start({
    onPublication: (it) => received.push(it),
    onBreak: () => expect.unreachable(),
    onReset: () => expect.unreachable(),
    onHealth: () => undefined,
  });
  const channel = "room" as ChannelName;
  await broker.listen(channel);
  for (const text of ["hello", "k3x9 1 5\n{not json", "- 0 5\n", "reset"]) {
    if (text !== "reset") await server.command("PUBLISH", "foreign:{room}", text);
    await server.command("PUBLISH", "foreign/talk", text);
    await server.command("PUBLISH", "foreign/watch", text);
  }
  await broker.publish({ channel, message: "ours" }, { historySize: 10, historyTtl: 1000, historyBytes: 10_000 });
  await until(() => received.length > 0, "our own message has come");
  expect(received.map(({ message }) => message)).toEqual(["ours"]);
  await broker.close();
});
