import { afterAll, beforeAll, expect, test } from "bun:test";
import { apiKey, jwtSecret, publish, tokenOf } from "../e2e/healthy-users.ts";
import { type ServerUnderTest, startServer } from "../e2e/server.ts";
import { SocketUnderTest } from "../e2e/socket.ts";
import { Shared } from "../shared.ts";
import { eventually } from "../waiting.ts";
import { RedisServer } from "./redis.ts";

const asOperator = { Authorization: `Bearer ${apiKey}` };
let env: Readonly<Record<string, string>>;
let redis: RedisServer;
let one: ServerUnderTest;
let two: ServerUnderTest;

const shared = new Shared();
beforeAll(async () => {
  redis = await shared.use(RedisServer.start());
  const limits = { HISTORY_BYTES_TOTAL: "4MiB", CLIENT_SHARE: "10", MESSAGE_RATE: "0" };
  env = { API_KEY: apiKey, JWT_SECRET: jwtSecret, REDIS_URL: redis.url, ...limits };
  [one, two] = await Promise.all([shared.use(startServer({ env })), shared.use(startServer({ env }))]);
});
afterAll(() => shared.close());

test("a block on one server holds on the other, on one that starts later, and until it is lifted anywhere", async () => {
  const token = await tokenOf("mallory");
  using socket = await SocketUnderTest.open(`${two.wsUrl}?token=${token}`);
  const path = "/v1/users/mallory/block";
  expect((await one.request("POST", path, {}, asOperator)).status).toBe(200);
  expect((await socket.untilClosed()).code).toBe(4504);
  const draft = { channel: "room", message: "m" };
  expect((await publish(two, "mallory", draft)).status).toBe(403);
  await using three = await startServer({ env });
  expect((await publish(three, "mallory", draft)).status).toBe(403);
  expect((await two.request("DELETE", path, undefined, asOperator)).status).toBe(200);
  for (const server of [one, two, three]) {
    await eventually(async () => expect((await publish(server, "mallory", draft)).status).toBe(200));
  }
});

test("one user cannot store more than its share; others and API keys can", async () => {
  const large = (at: number) => ({ channel: `flood:${at}`, message: "x".repeat(60_000) });
  const statuses: number[] = [];
  for (let at = 0; at < 10; at++) statuses.push((await publish(one, "greedy", large(at))).status);
  expect(statuses).toEqual([200, 200, 200, 200, 200, 200, 429, 429, 429, 429]);
  expect((await publish(one, "alice", large(20))).status).toBe(200);
  expect((await publish(one, undefined, large(21))).status).toBe(200);
  using socket = await SocketUnderTest.open(`${one.wsUrl}?token=${await tokenOf("greedy")}`);
  await publish(one, undefined, { user_id: "greedy", message: "still receives" });
  await socket.until(({ message }) => message === "still receives");
});
