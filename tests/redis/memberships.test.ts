import { expect, test } from "bun:test";
import { Peers } from "../../server/cluster/peers.ts";
import { RedisCluster } from "../../server/cluster/redis/cluster.ts";
import { MovedClock } from "../../server/lib/moved-clock.ts";
import { until } from "../waiting.ts";
import { RedisServer } from "./redis.ts";

const expiryMs = 6000;
const beatMs = expiryMs / 3;

/** A worker with one client, and with its own clock, so that the test decides when it sends its heartbeat. */
async function makeWorker(redis: RedisServer, name: string) {
  const clock = new MovedClock();
  const state = { name, pid: 1, isDraining: false };
  const cluster = new RedisCluster({ address: redis.address, prefix: "test", state, clock, expiryMs });
  const peers = new Peers(cluster, clock);
  let lefts = 0;
  peers.on("remoteChange", ({ hasLeft }) => {
    if (hasLeft) lefts++;
  });
  await peers.start();
  peers.roster.count(name, 1, true);
  clock.move(20);
  return { clock, peers, id: () => cluster.members()[0]?.id, lefts: () => lefts };
}

/** Two workers that know each other, each with one client. */
async function twoWorkers(redis: RedisServer) {
  const one = await makeWorker(redis, "one");
  const two = await makeWorker(redis, "two");
  const workers = [one, two];
  const allCount = () => workers.every(({ peers }) => peers.roster.online === 2);
  await until(allCount, "both workers count both clients");
  const pass = (ms: number) => {
    for (const { clock } of workers) clock.move(ms);
  };
  const close = async () => {
    for (const { peers } of workers) await peers.close();
  };
  return { one, two, allCount, pass, close, lefts: () => workers.map(({ lefts }) => lefts()) };
}

async function expire(redis: RedisServer, ...ids: readonly (string | undefined)[]) {
  for (const id of ids) await redis.command("DEL", `test/{cluster}:alive:${id}`);
}

test("if Redis loses all memberships at once, no worker considers the clients of the others gone", async () => {
  await using redis = await RedisServer.start();
  const { one, two, allCount, pass, close, lefts } = await twoWorkers(redis);
  const formerId = one.id();
  await redis.command("FLUSHALL");
  one.clock.move(beatMs);
  await until(() => one.id() !== undefined && one.id() !== formerId, "one has joined again");
  // Two notices it with its own next heartbeat, which is almost a whole interval later.
  pass(beatMs - 100);
  expect(lefts()).toEqual([0, 0]);
  two.clock.move(100);
  await until(allCount, "both workers count both clients again");
  pass(beatMs);
  expect(lefts()).toEqual([0, 0]);

  await two.peers.close();
  await until(() => one.peers.roster.online === 1, "one has noticed that two has left");
  one.clock.move(beatMs);
  expect(one.lefts()).toBe(1);
  await close();
});

// As after Redis refused writes for longer than a membership lasts, or after its clock was set forward.
test("if all memberships expire at once, no worker considers the clients of the others gone either", async () => {
  await using redis = await RedisServer.start();
  const { one, two, allCount, pass, close, lefts } = await twoWorkers(redis);
  const formerIds = [one.id(), two.id()];
  await expire(redis, ...formerIds);
  const haveReturned = () => {
    pass(250);
    return allCount() && [one.id(), two.id()].every((id) => id !== undefined && !formerIds.includes(id));
  };
  await until(haveReturned, "both workers have joined again, and count both clients");
  for (let passed = 0; passed < 2 * expiryMs; passed += 100) pass(100);
  expect(lefts()).toEqual([0, 0]);
  await close();
});

test("if the membership of one worker expires although it lives, its clients have not left", async () => {
  await using redis = await RedisServer.start();
  const { one, two, allCount, pass, close, lefts } = await twoWorkers(redis);
  const formerId = one.id();
  await expire(redis, formerId);
  const hasReplaced = () => {
    pass(250);
    return one.id() !== formerId && two.peers.others().every(({ id }) => id !== formerId) && allCount();
  };
  await until(hasReplaced, "two knows one by its new membership only");
  pass(beatMs);
  expect(lefts()).toEqual([0, 0]);
  await close();
});
