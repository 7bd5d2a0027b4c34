import { expect, test } from "bun:test";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { Relay } from "../e2e/relay.ts";
import { until } from "../waiting.ts";
import { type Load, type LossResult, runLoss } from "./loss/run.ts";
import { SilentNetwork } from "./loss/silent-network.ts";
import { type RedisConfig, RedisServer } from "./redis.ts";
import { RedisServerCluster } from "./redis-cluster.ts";
import { RedisWithSentinel } from "./redis-sentinel.ts";

const isLong = process.env.FANFARE_LONG === "1";
const limitMs = 240_000;
/** The result of a correct run, whatever happens to Redis. */
const sound = { lost: 0, doubled: 0, faults: [], closes: 0, notices: 0 };
const durable: RedisConfig = { appendonly: "yes", appendfsync: "everysec" };

interface Disruption {
  readonly name: string;
  readonly config?: RedisConfig;
  strike(server: RedisServer, load: Load): Promise<void>;
  readonly expected?: Partial<LossResult>;
}

const disruptions: readonly Disruption[] = [
  {
    name: "kill -9 and restart",
    config: durable,
    strike: async (server, load) => {
      await load.untilIntroduced();
      await server.kill();
      await load.untilRefused();
      await server.run();
    },
    expected: { epochs: 0, gaps: 0 },
  },
  {
    name: "restart empty",
    strike: async (server) => {
      await server.kill();
      await server.run();
    },
    expected: { epochs: 3 },
  },
  {
    name: "restart from an old copy",
    strike: restoreOldCopy,
    expected: { epochs: 3 },
  },
  {
    name: `SIGSTOP for ${isLong ? 60 : 10} s`,
    strike: async (server) => {
      server.signal("SIGSTOP");
      await Bun.sleep(isLong ? 60_000 : 10_000);
      server.signal("SIGCONT");
    },
    expected: { epochs: 0, gaps: 0 },
  },
  {
    name: "CLIENT KILL TYPE pubsub",
    strike: async (server) => {
      await server.command("CLIENT", "KILL", "TYPE", "pubsub");
    },
    expected: { epochs: 0, gaps: 0 },
  },
  {
    name: "FLUSHALL",
    strike: async (server) => {
      await server.command("FLUSHALL");
    },
    expected: { epochs: 3 },
  },
  {
    name: "the disk is full (MISCONF)",
    config: { "enable-protected-configs": "yes" },
    strike: async (server, load) => {
      const folder = server.folder;
      await server.command("CONFIG", "SET", "save", "1 1");
      await server.command("CONFIG", "SET", "dir", "/proc");
      await until(
        async () => String(await server.command("INFO", "persistence")).includes("rdb_last_bgsave_status:err"),
        "a save has failed",
      );
      await load.untilRefused();
      await server.command("CONFIG", "SET", "dir", folder);
      await server.command("BGSAVE");
    },
    expected: { epochs: 0, gaps: 0 },
  },
  {
    name: "maxmemory with allkeys-lru",
    config: { maxmemory: "4mb", "maxmemory-policy": "allkeys-lru" },
    strike: async (server) => {
      for (let n = 0; n < 400; n++) await server.command("SET", `other:${n}`, "x".repeat(20_000));
    },
  },
];

test.each(disruptions)(
  "$name loses no message silently",
  async ({ name, config, strike, expected }) => {
    await using redis = await RedisServer.start(config);
    const result = await runLoss({ name, redisUrl: redis.url, disrupt: (load) => strike(redis, load) });
    expect(result).toMatchObject({ ...sound, ...expected });
    expect(result.acknowledged).toBeGreaterThan(100);
  },
  limitMs,
);

test(
  "killing a primary of a cluster loses no message silently",
  async () => {
    await using cluster = await RedisServerCluster.start({ primaries: 3, replicasEach: 1, nodeTimeoutMs: 1000 });
    const result = await runLoss({
      name: "a primary of a cluster killed",
      redisUrl: cluster.url,
      disrupt: async () => {
        const primary = await cluster.primaryOf("fanfare:{room:a}:record");
        await primary.kill();
        await until(async () => {
          const now = await cluster.primaryOf("fanfare:{room:a}:record").catch(() => primary); // nobody has the slot meanwhile
          return now !== primary;
        }, "a replica took over");
      },
    });
    expect(result).toMatchObject(sound);
  },
  limitMs,
);

test(
  "a planned failover loses nothing: the epochs stay the same, and clients are told nothing",
  async () => {
    await using cluster = await RedisServerCluster.start({ primaries: 3, replicasEach: 1, nodeTimeoutMs: 1000 });
    const key = "fanfare:{room:a}:record";
    const result = await runLoss({
      name: "a planned failover of a cluster",
      redisUrl: cluster.url,
      disrupt: async ({ untilIntroduced }) => {
        await untilIntroduced();
        const primary = await cluster.primaryOf(key);
        const replica = await cluster.replicaOf(primary);
        await replica.command("CLUSTER", "FAILOVER");
        await until(
          async () => (await cluster.primaryOf(key).catch(() => undefined)) === replica,
          "the replica took over",
        );
      },
    });
    expect(result).toMatchObject({ ...sound, gaps: 0, epochs: 0 });
  },
  limitMs,
);

test(
  "a failover to a replica that has missed messages is announced in every channel that lost some",
  async () => {
    await using redis = await RedisWithSentinel.start();
    const result = await runLoss({
      name: "a Sentinel failover with the replica behind",
      redisUrl: redis.url,
      disrupt: async ({ calm, untilRefused }) => {
        await redis.detachReplica();
        await calm();
        await redis.primary.kill();
        await untilRefused();
      },
    });
    expect(result).toMatchObject({ ...sound, epochs: 3, gaps: 24 });
  },
  limitMs,
);

test(
  "a subscription whose packets are dropped while Redis restarts loses no message silently",
  async () => {
    await using redis = await RedisServer.start(durable);
    const network = new SilentNetwork();
    using relay = await Relay.to(redis.port, network.behaviour);
    const result = await runLoss({
      name: "packets of a subscription dropped while Redis restarts",
      redisUrl: redis.url,
      firstRedisUrl: `redis://127.0.0.1:${new URL(relay.url).port}`,
      disrupt: async ({ untilRefused }) => {
        network.dropSubscriptions();
        await redis.kill();
        await untilRefused();
        await redis.run();
      },
    });
    expect(result).toMatchObject(sound);
    expect(network.dropped).toBeGreaterThan(0);
  },
  limitMs,
);

test.each(["tests/redis/broken/one-replication-id.ts", "tests/redis/broken/nobody-has-seen-more.ts"])(
  "the checker finds offsets that are assigned twice: %s",
  async (main) => {
    await using redis = await RedisServer.start();
    const disrupt = (load: Load) => restoreOldCopy(redis, load);
    const result = await runLoss({ name: main, redisUrl: redis.url, main, disrupt, settleMs: 3000 });
    expect(result.faults.length).toBeGreaterThan(0);
  },
  limitMs,
);

async function restoreOldCopy(server: RedisServer, load: Load): Promise<void> {
  await server.command("SAVE");
  await copyFile(join(server.folder, "dump.rdb"), join(server.folder, "old.rdb"));
  await load.calm();
  await server.kill();
  await copyFile(join(server.folder, "old.rdb"), join(server.folder, "dump.rdb"));
  await server.run();
}
