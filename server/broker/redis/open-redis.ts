import { getLogger } from "@logtape/logtape";
import { systemClock } from "../../lib/clock.ts";
import { parseRedisUrl, type RedisAddress } from "../../lib/redis/address.ts";
import { RedisStore } from "../../lib/redis/store.ts";
import { RedisUnusable } from "../../lib/redis/unreachable.ts";
import { UnusableStorage } from "../../lib/unusable-storage.ts";
import { explainRedis } from "./explain.ts";
import { KeyNames } from "./keys.ts";
import { brokerScripts } from "./scripts.ts";
import { type ServerRecord, storeRecord } from "./server-record.ts";

/** The version of the layout of keys, scripts and messages. */
const format = "1";

export interface OpenRedisSettings {
  readonly redisUrl: string;
  /** The setting that names the server, as it was written: for messages. */
  readonly redisSetting: string;
  readonly redisPrefix: string;
  readonly historySize: number;
  readonly historyTtlMs: number;
  readonly historyBytes: number;
}

/** Values that all workers of one server share. */
export interface OpenedRedis {
  readonly address: RedisAddress;
  readonly record: ServerRecord;
}

/**
 * Checks Redis before anything is started: whether it can be used, whether the keys under the prefix have this version's
 * format, and whether the other servers keep the same amount of history.
 *
 * @throws UnusableStorage that names the setting, what is wrong and what to do; it contains no password
 */
export async function openRedis(settings: OpenRedisSettings): Promise<OpenedRedis> {
  const { redisSetting } = settings;
  const address = parseRedisUrl(settings.redisUrl);
  if (typeof address === "string") throw new UnusableStorage(`${redisSetting}: ${address}`);
  let isPasswordIgnored = false;
  const events = {
    onUp: () => undefined,
    onDown: () => undefined,
    onMessage: () => undefined,
    onPasswordIgnored: () => {
      isPasswordIgnored = true;
    },
  };
  const scripts = Object.values(brokerScripts());
  const store = new RedisStore({ address, scripts, clock: systemClock }, events);
  try {
    await store.start();
    // A Redis user may have access to keys but not to channels.
    await store.subscribe([new KeyNames(settings.redisPrefix, address.db).ownTopic("watch")]);
    warnOfEviction(store);
    if (isPasswordIgnored) {
      logger().warning(
        "{redisSetting} has a password, but this Redis accepts connections without one. Set requirepass in Redis, or remove the " +
          "password here.",
        { redisSetting },
      );
    }
    return { address, record: await agree(store, settings) };
  } catch (error) {
    throw await explainRedis(error, address, redisSetting);
  } finally {
    store.close();
  }
}

/** A channel whose record is evicted loses its epoch. The warning comes at start-up, before memory runs short. */
function warnOfEviction(store: RedisStore): void {
  for (const { name, info } of store.shards) {
    if (info === undefined || info.maxMemory === 0 || info.evictionPolicy === "noeviction") continue;
    logger().warning(
      "Redis at {name} may evict Fanfare's keys when it is full (maxmemory-policy {policy}): clients are then told that " +
        "messages may be missing. Set maxmemory-policy noeviction.",
      { name, policy: info.evictionPolicy },
    );
  }
}

/** The first server stores the format, the secret and its history settings; later servers read them. */
async function agree(store: RedisStore, settings: OpenRedisSettings): Promise<ServerRecord> {
  const key = new KeyNames(settings.redisPrefix, 0).own("server");
  const history = `HISTORY_SIZE=${settings.historySize} HISTORY_TTL=${settings.historyTtlMs}ms HISTORY_BYTES=${settings.historyBytes}`;
  const secret = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64url");
  const found = await storeRecord(store, brokerScripts().server, { key, record: { format, secret, history } });
  if (found.format !== format) {
    throw new RedisUnusable(
      `the keys under the prefix "${settings.redisPrefix}" belong to another version of Fanfare (format ${found.format}, ` +
        `this one has ${format}): stop all servers and delete these keys, or choose another REDIS_PREFIX`,
    );
  }
  if (found.history !== history) {
    logger().warning(
      "Servers on this Redis have different history settings: each publication follows those of the server that took " +
        "it. Before: {found}. This server: {history}.",
      { found: found.history, history },
    );
    await store.shardOf(key).commands.call("HSET", key, "history", history);
  }
  return { ...found, history };
}

function logger() {
  return getLogger(["fanfare", "broker"]);
}
