import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { ChannelName } from "../../protocol/channel-name.ts";
import type { Position } from "../../protocol/position.ts";
import type { Published } from "../../server/broker/broker.ts";
import { RedisBroker } from "../../server/broker/redis/broker.ts";
import { openRedis } from "../../server/broker/redis/open-redis.ts";
import { systemClock } from "../../server/lib/clock.ts";
import { Shared } from "../shared.ts";
import { until } from "../waiting.ts";
import { RedisServer } from "./redis.ts";

const rules = { historySize: 100, historyTtl: 300_000, historyBytes: 1_000_000 };
/** The first step of each server: it reads the shared values, or stores them if it is the first. */
const openAt = (port: number) =>
  openRedis({
    redisUrl: `redis://127.0.0.1:${port}`,
    redisSetting: "REDIS_URL",
    redisPrefix: "test",
    historySize: 100,
    historyTtlMs: 300_000,
    historyBytes: 1_000_000,
  });

let redis: RedisServer;
let broker: RedisBroker;
const resets: Position[] = [];

const shared = new Shared();
beforeAll(async () => {
  redis = await shared.use(RedisServer.start());
  const opened = await openAt(redis.port);
  const options = { prefix: "test", replicas: 0, idWindowMs: 300_000, rulesOf: () => rules, clock: systemClock };
  broker = new RedisBroker({ ...opened, ...options });
  shared.defer(() => broker.close());
  const onReset = (_: ChannelName, top: Position) => resets.push(top);
  await broker.start({ onPublication: () => undefined, onReset, onBreak: () => undefined, onHealth: () => undefined });
});
afterAll(() => shared.close());

const publish = async (name: string, id?: string): Promise<Published> =>
  broker.publish({ channel: name as ChannelName, data: "1", ...(id === undefined ? {} : { id }) }, rules);
const key = (name: string, part: string) => `test:{${name}}:${part}`;

describe("a person changes keys in Redis:", () => {
  test("a record that is set back gives the channel a new epoch, and publishing continues", async () => {
    await broker.listen("back" as ChannelName);
    const first = await publish("back");
    const record = String(await redis.command("GET", key("back", "record")));
    for (let count = 0; count < 3; count++) await publish("back");
    await redis.command("SET", key("back", "record"), record);
    const { position } = await publish("back");
    expect(position?.offset).toBe(2);
    expect(position?.epoch).not.toBe(first.position?.epoch as string);
    await until(() => resets.some(({ epoch }) => epoch === position?.epoch), "listeners are told of the new epoch");
    const page = await broker.history("back" as ChannelName, { from: "earliest" }, { limit: 10, maxBytes: 1_000_000 });
    expect([page.top, page.publications.map(({ offset }) => offset)]).toEqual([position as Position, [2]]);
    expect(await redis.command("PTTL", key("back", "messages"))).toBeGreaterThan(0);
  });

  test("messages that are deleted are followed by ones that expire, in the same epoch", async () => {
    const first = await publish("deleted");
    await redis.command("DEL", key("deleted", "messages"));
    const { position } = await publish("deleted");
    expect(position).toEqual({ epoch: first.position?.epoch as string, offset: 2 });
    expect(await redis.command("PTTL", key("deleted", "messages"))).toBeGreaterThan(0);
    const since = { from: "position" as const, position: { epoch: first.position?.epoch as string, offset: 0 } };
    const page = await broker.history("deleted" as ChannelName, since, { limit: 10, maxBytes: 1_000_000 });
    expect([page.gap, page.publications.map(({ offset }) => offset)]).toEqual(["history-too-short", [2]]);
  });

  test("without its record, a channel begins a new epoch, and a retry is stored in it", async () => {
    const first = await publish("forgotten", "order-1");
    await redis.command("DEL", key("forgotten", "record"));
    const { position, duplicate } = await publish("forgotten", "order-1");
    expect([duplicate, position?.offset]).toEqual([false, 1]);
    expect(position?.epoch).not.toBe(first.position?.epoch as string);
    expect(await publish("forgotten", "order-1")).toMatchObject({ duplicate: true, position });
  });

  test("a swap of databases is a loss of everything, and swapping back is an older copy", async () => {
    await broker.listen("swapped" as ChannelName);
    const first = await publish("swapped", "order-2");
    await redis.command("SWAPDB", 0, 1);
    const second = await publish("swapped", "order-2");
    expect([second.duplicate, second.position?.epoch === first.position?.epoch]).toEqual([false, false]);
    await redis.command("SWAPDB", 0, 1);
    expect(await publish("swapped", "order-2")).toMatchObject({ duplicate: true, position: first.position });
  });

  test("after a FLUSHALL, a running server stores the shared values again, so that a later one has the same secret", async () => {
    const before = await openAt(redis.port);
    await redis.command("FLUSHALL");
    await until(async () => (await redis.command("HLEN", "test/server")) === 3, "the shared values are there again");
    expect(await openAt(redis.port)).toEqual(before);
  });
});

test("after the clock of Redis was set back, messages stay for their whole time although new ones are older than the record", async () => {
  const name = "clock" as ChannelName;
  const historyTtl = 300;
  const store = () => broker.publish({ channel: name, data: "1" }, { ...rules, historyTtl });
  await store();
  // What is left of a channel that was last used at noon, some time after the clock was set back to midnight.
  const fields = String(await redis.command("GET", key(name, "record"))).split(" ");
  const noon = Date.now() + 12 * 3_600_000;
  const record = fields
    .with(3, `${noon}`)
    .with(4, `${noon}`)
    .with(8, `${noon + historyTtl}`);
  await redis.command("SET", key(name, "record"), record.join(" "));
  await redis.command("DEL", key(name, "messages"));
  const firstAt = performance.now();
  const first = await store();
  const isLongAgo = async () => {
    await store();
    return performance.now() - firstAt > historyTtl * 1.5;
  };
  await until(isLongAgo, "messages were stored for longer than one is kept");
  const page = await broker.history(name, { from: "earliest" }, { limit: 100, maxBytes: 1_000_000 });
  expect(page.publications[0]?.offset).toBe(first.position?.offset as number);
});
