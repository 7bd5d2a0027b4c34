import { expect, test } from "bun:test";
import type { ChannelName } from "../../protocol/channel-name.ts";
import type { Position } from "../../protocol/position.ts";
import { RedisBroker } from "../../server/broker/redis/broker.ts";
import { type Clock, systemClock } from "../../server/lib/clock.ts";
import { MovedClock } from "../../server/lib/moved-clock.ts";
import { Relay } from "../e2e/relay.ts";
import { until } from "../waiting.ts";
import { RedisServer } from "./redis.ts";
import { noReadLimits, serverRecord } from "./server-record.ts";

const rules = { historySize: 100, historyTtl: 300_000, historyBytes: 1_000_000 };
const channel = (name: string) => name as ChannelName;

interface Connecting {
  readonly onPublication?: () => void;
  readonly clock?: Clock;
  /** Something in between, instead of the port of Redis. */
  readonly port?: number;
}

async function connect(
  redis: RedisServer,
  { onPublication = () => undefined, clock = systemClock, port = redis.port }: Connecting = {},
): Promise<RedisBroker> {
  const options = {
    address: { ...redis.address, hosts: [{ host: "127.0.0.1", port }] },
    prefix: "test",
    record: serverRecord,
    rulesOf: noReadLimits,
    replicas: 0,
    idWindowMs: 300_000,
    clock,
  };
  const broker = new RedisBroker(options);
  await broker.start({ onPublication, onReset: () => undefined, onBreak: () => undefined, onHealth: () => undefined });
  return broker;
}

async function publish(broker: RedisBroker, name: string, id?: string): Promise<Position> {
  const { position } = await broker.publish(
    { channel: channel(name), data: '"text"', ...(id === undefined ? {} : { id }) },
    rules,
  );
  if (position === undefined) throw new Error("the publication has no position");
  return position;
}

/** The position of a new publication, after retries. */
async function publishSoon(broker: RedisBroker, name: string): Promise<Position> {
  let position: Position | undefined;
  await until(async () => {
    position = await publish(broker, name).catch(() => undefined);
    return position !== undefined;
  }, `a publication in ${name} is stored`);
  return position as Position;
}

interface ExpectedHeartbeats {
  readonly members: number;
  readonly each: number;
  /** The clock of the members, if it has to be moved. */
  readonly clock?: MovedClock;
}

/** Each member sends one every 2 s. Only a member that has been connected for some time can tell that nothing was lost. */
async function sendHeartbeats(redis: RedisServer, { members, each, clock }: ExpectedHeartbeats): Promise<void> {
  const counts = new Map<string, number>();
  const subscriber = redis.connect();
  subscriber.on("pmessage", (_pattern, _topic, text: string) => {
    counts.set(text, (counts.get(text) ?? 0) + 1);
    clock?.move(2000);
  });
  await subscriber.psubscribe("*/watch");
  clock?.move(2000);
  const hasAll = () => counts.size >= members && Array.from(counts.values()).every((it) => it >= each);
  await until(hasAll, `${members} members have sent ${each} heartbeats each`);
  subscriber.disconnect();
}

test("a position that a client has received never names another publication, if Redis restarts with an older copy", async () => {
  await using redis = await RedisServer.start();
  let delivered = 0;
  const stays = await connect(redis, { onPublication: () => delivered++ });
  const leaves = await connect(redis);
  const names = ["control", "duplicate", "read", "acknowledged-before-leaving"];
  for (const name of names) await publish(stays, name);
  const restart = async () => {
    await redis.kill();
    await redis.run();
  };
  await sendHeartbeats(redis, { members: 2, each: 4 });
  const { epoch } = await publishSoon(stays, "control");
  await redis.command("SAVE");
  await restart();
  expect((await publishSoon(stays, "control")).epoch).toBe(epoch);
  for (const name of names) await publishSoon(stays, name);
  await until(
    async () =>
      (await leaves.publish({ channel: channel("other"), data: "1" }, rules).catch(() => undefined)) !== undefined,
    "it is connected",
  );
  await redis.command("SAVE");

  // All of this is lost.
  await publish(leaves, "duplicate", "order-1");
  await publish(leaves, "read");
  const given = new Map([["acknowledged-before-leaving", await publish(leaves, "acknowledged-before-leaving")]]);
  await leaves.close();
  given.set("duplicate", await publish(stays, "duplicate", "order-1"));
  given.set(
    "read",
    (await stays.history(channel("read"), { from: "earliest" }, { limit: 10, maxBytes: 1_000_000 })).top,
  );
  // The positions that the member handed over arrive before this.
  await stays.listen(channel("listened"));
  await publish(stays, "listened");
  await until(() => delivered > 0, "the publication is delivered");
  await restart();

  for (const [name, { epoch }] of given) {
    expect({ name, epoch: (await publishSoon(stays, name)).epoch }).not.toEqual({ name, epoch });
  }
  await stays.close();
});

test("a position that only a worker knows that is cut off never names another publication, although the next one never heard it", async () => {
  await using redis = await RedisServer.start();
  using relay = await Relay.to(redis.port);
  const cutOff = await connect(redis, { port: Number(new URL(relay.url).port) });
  await publish(cutOff, "room");
  await redis.command("SAVE");
  const lost = await publish(cutOff, "room");
  relay.port = 1; // nobody listens there
  relay.cut();

  const clock = new MovedClock();
  const newcomer = await connect(redis, { clock });
  await sendHeartbeats(redis, { members: 1, each: 4, clock });
  await redis.kill();
  await redis.run();
  let next: Position | undefined;
  await until(async () => {
    clock.move(500);
    next = await publish(newcomer, "room").catch(() => undefined);
    return next !== undefined;
  }, "a publication is stored");
  expect([lost.offset, next?.offset]).toEqual([2, 2]);
  expect(next?.epoch).not.toBe(lost.epoch);
  await newcomer.close();
  await cutOff.close();
});

test("a channel from which another program deleted a message stays readable, and a resume is told of the gap", async () => {
  await using redis = await RedisServer.start();
  const broker = await connect(redis);
  const { epoch } = await publish(broker, "room");
  for (let count = 2; count <= 4; count++) await publish(broker, "room");
  await redis.command("XDEL", "test:{room}:messages", "3-0");
  const read = (offset: number) =>
    broker.history(
      channel("room"),
      { from: "position", position: { epoch, offset } },
      { limit: 10, maxBytes: 1_000_000 },
    );
  expect(await read(1)).toEqual({ top: { epoch, offset: 4 }, gap: "history-too-short", publications: [] });
  await publish(broker, "room");
  const { gap, publications } = await read(4);
  expect([gap, publications.map(({ offset }) => offset)]).toEqual([undefined, [5]]);
  await broker.close();
});
