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

test("if all memberships expire at once, no worker takes the clients of the others for gone", async () => {
  await using redis = await RedisServer.start();
  const one = await makeWorker(redis, "one");
  const two = await makeWorker(redis, "two");
  const workers = [one, two];
  const allCount = () => workers.every(({ peers }) => peers.roster.online === 2);
  await until(allCount, "both workers count both clients");
  const formerId = one.id();

  // As after Redis refused writes for longer than a membership lasts, or after its clock was set forward.
  await redis.command("FLUSHALL");
  one.clock.move(beatMs);
  await until(() => one.id() !== undefined && one.id() !== formerId, "one has joined again");
  // Two notices it with its own next heartbeat, which is almost a whole interval later.
  for (const { clock } of workers) clock.move(beatMs - 100);
  expect(workers.map(({ lefts }) => lefts())).toEqual([0, 0]);
  two.clock.move(100);
  await until(allCount, "both workers count both clients again");
  for (const { clock } of workers) clock.move(beatMs);
  expect(workers.map(({ lefts }) => lefts())).toEqual([0, 0]);

  await two.peers.close();
  await until(() => one.peers.roster.online === 1, "one has noticed that two has left");
  one.clock.move(beatMs);
  expect(one.lefts()).toBe(1);
  await one.peers.close();
});
