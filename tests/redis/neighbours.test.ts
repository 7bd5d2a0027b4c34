import { expect, test } from "bun:test";
import { type ServerUnderTest, startServer } from "../e2e/server.ts";
import { SocketUnderTest } from "../e2e/socket.ts";
import { RedisServer } from "./redis.ts";

const publish = (
  server: ServerUnderTest,
  channel: string,
  data: unknown,
  more: Readonly<Record<string, unknown>> = {},
) => server.request("POST", "/v1/publish", { channel, data, ...more });

/** Every key with its value, as DUMP returns it. */
async function copyOf(redis: RedisServer, isWanted: (key: string) => boolean): Promise<ReadonlyMap<string, string>> {
  const client = redis.connect();
  try {
    const keys = (await client.keys("*")).filter(isWanted).toSorted();
    const copies = await Promise.all(keys.map((it) => client.dumpBuffer(it)));
    return new Map(keys.map((key, at) => [key, copies[at]?.toString("hex") ?? ""]));
  } finally {
    client.disconnect();
  }
}

/** Everything that a server does with Redis, once. */
async function useAll(server: ServerUnderTest): Promise<void> {
  {
    using client = await SocketUnderTest.open(`${server.wsUrl}?user_id=u&channel=room:1`);
    client.send("send_now");
    await publish(server, "room:1", 1, { id: "one" });
    await publish(server, "room:1", 1, { id: "one" });
    await publish(server, "room:1", 2, { ephemeral: true });
    for (const path of [
      "/v1/channels",
      "/v1/channels/room%3A1/presence",
      "/v1/nodes",
      "/v1/channels/room%3A1/history",
    ]) {
      expect((await server.request("GET", path)).status).toBe(200);
    }
    await server.request("POST", "/sse/push", { user_id: "u", data: 3 });
    await server.request("DELETE", "/v1/users/u/connections");
    await client.untilClosed();
  }
  server.signal("SIGTERM");
  expect(await server.exited).toBe(0);
}

test("keys of other applications stay unchanged, byte for byte", async () => {
  await using redis = await RedisServer.start();
  await redis.command("SET", "session:1", "x");
  await redis.command("HSET", "fanfare", "a", 1);
  await redis.command("RPUSH", "fanfares:{room:1}:messages", 1, 2);
  await redis.command("ZADD", "fanfare2:{room:1}:record", 1, "a");
  await redis.command("XADD", "{room:1}", "1-1", "a", "b");
  await redis.command("SADD", "all", 1);
  const isForeign = (key: string) => !/^fanfare[:/]/.test(key);
  const before = await copyOf(redis, isForeign);
  expect(before.size).toBe(6);
  const env = { REDIS_URL: redis.url, USER_CONNECTIONS: "replace", NOTIFICATION_INTERVAL: "100ms" };
  await using server = await startServer({ env, flags: ["--workers", "2"] });
  await useAll(server);
  expect(await copyOf(redis, isForeign)).toEqual(before);
  expect((await copyOf(redis, (key) => !isForeign(key))).size).toBeGreaterThan(2);
});

test("another program's key with one of our names is left alone, and affects only its channel", async () => {
  await using redis = await RedisServer.start();
  await redis.command("SET", "fanfare:{text}:record", "somebody else's text");
  await redis.command("RPUSH", "fanfare:{list}:record", "a");
  await redis.command("RPUSH", "fanfare:{messages}:messages", "a");
  await redis.command("HSET", "fanfare:{id}:id:one", "a", "b");
  const isForeign = (key: string) => /\{(?:text|list|messages)\}|:id:one$/.test(key);
  const before = await copyOf(redis, isForeign);
  expect(before.size).toBe(4);
  await using server = await startServer({ env: { REDIS_URL: redis.url } });
  for (const channel of ["text", "list", "messages"]) {
    for (const answer of [
      await publish(server, channel, 1),
      await server.request("GET", `/v1/channels/${channel}/history`),
    ]) {
      const body = (await answer.json()) as { code: string; detail: string };
      expect([channel, answer.status, body.code]).toEqual([channel, 503, "broker-unavailable"]);
      expect(body.detail).toBe("Redis is not available; retry with the same id");
    }
  }
  await server.untilLogged(/belongs to another program: choose another REDIS_PREFIX/);
  expect((await publish(server, "id", 1, { id: "one" })).status).toBe(503);
  expect((await publish(server, "id", 1, { id: "two" })).status).toBe(200);
  expect((await publish(server, "room", 1)).status).toBe(200);
  expect(await copyOf(redis, isForeign)).toEqual(before);
});

test("servers in two databases of one Redis do not affect each other", async () => {
  await using redis = await RedisServer.start();
  const env = { USER_CONNECTIONS: "reject" };
  await using first = await startServer({ env: { ...env, REDIS_URL: `${redis.url}/0` } });
  await using second = await startServer({ env: { ...env, REDIS_URL: `${redis.url}/1` } });
  using one = await SocketUnderTest.open(`${first.wsUrl}?user_id=u&channel=room`);
  using two = await SocketUnderTest.open(`${second.wsUrl}?user_id=u&channel=room`);
  // PUBLISH reaches all databases: on a shared topic each server would receive the other's messages.
  const topics = (await redis.command("PUBSUB", "CHANNELS")) as string[];
  const [topic = "", ...more] = topics;
  const listeners = (await redis.command("PUBSUB", "NUMSUB", topic, ...more)) as (string | number)[];
  expect(listeners.filter((_, at) => at % 2 === 1)).toEqual(topics.map(() => 1));
  for (const server of [first, second]) {
    const { nodes } = (await (await server.request("GET", "/v1/nodes")).json()) as { nodes: unknown[] };
    expect(nodes).toHaveLength(1);
  }
  await publish(first, "room", "of the first");
  await publish(second, "room", "of the second");
  await one.untilMessages(1);
  await two.untilMessages(1);
  await publish(first, "room", "again of the first");
  await one.untilMessages(2);
  expect(one.messages.map(({ data }) => data)).toEqual(["of the first", "again of the first"]);
  expect(two.messages.map(({ data }) => data)).toEqual(["of the second"]);
  expect(two.frames.filter(({ event }) => event === "gap" || event === "joined")).toEqual([]);
});
