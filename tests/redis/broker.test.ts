import { afterAll, beforeAll, expect, test } from "bun:test";
import type { ChannelName } from "../../protocol/channel-name.ts";
import { RedisBroker } from "../../server/broker/redis/broker.ts";
import { systemClock } from "../../server/lib/clock.ts";
import type { RedisAddress } from "../../server/lib/redis/address.ts";
import { brokerConformance, type MakeBrokers } from "../conformance/broker.ts";
import { Shared } from "../shared.ts";
import { RedisServer } from "./redis.ts";
import { RedisServerCluster } from "./redis-cluster.ts";
import { noReadLimits, serverRecord } from "./server-record.ts";

let server: RedisServer;
let cluster: RedisServerCluster;
const shared = new Shared();
beforeAll(async () => {
  [server, cluster] = await Promise.all([
    shared.use(RedisServer.start()),
    shared.use(RedisServerCluster.start({ primaries: 3, replicasEach: 0 })),
  ]);
});
afterAll(() => shared.close());

let worlds = 0;

function makeWith(address: () => RedisAddress): MakeBrokers {
  return async () => {
    const prefix = `test${++worlds}`;
    return {
      connect: () =>
        new RedisBroker({
          address: address(),
          prefix,
          record: serverRecord,
          rulesOf: noReadLimits,
          replicas: 0,
          idWindowMs: 300_000,
          clock: systemClock,
        }),
      dispose: async () => undefined,
    };
  };
}

brokerConformance(
  "RedisBroker on one server",
  makeWith(() => server.address),
);
brokerConformance(
  "RedisBroker on a cluster of three",
  makeWith(() => cluster.address),
);

test("publications that were answered take no room, however many follow each other", async () => {
  const { connect } = await makeWith(() => server.address)();
  const broker = connect();
  await broker.start({ onPublication() {}, onBreak() {}, onReset() {}, onHealth() {} });
  const draft = { channel: "a" as ChannelName, message: "x".repeat(2 * 1024 * 1024), ephemeral: true as const };
  const rules = { historySize: 1, historyTtl: 1000, historyBytes: 1 };
  for (let count = 0; count < 35; count++) expect((await broker.publish(draft, rules)).duplicate).toBe(false);
  await broker.close();
});
