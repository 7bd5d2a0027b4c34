import { RedisServer } from "../../redis/redis.ts";
import { publish, type SettingsGroup } from "./setting.ts";

let redis: RedisServer | undefined;

/** Whether Redis has such keys. */
async function keysLike(pattern: string): Promise<boolean> {
  const keys = await redis?.command("KEYS", pattern);
  return Array.isArray(keys) && keys.length > 0;
}

async function start(stack: AsyncDisposableStack): Promise<RedisServer> {
  redis = stack.use(await RedisServer.start());
  return redis;
}

/** A server on Redis. */
export const redisGroup: SettingsGroup = {
  name: "Redis",
  base: {},
  prepare: async (stack) => ({ env: { REDIS_URL: (await start(stack)).url } }),
  settings: {
    redisUrl: {
      observe: async (it) => {
        await publish(it, { channel: "room", message: "m" });
        return keysLike("*");
      },
      expected: true,
      hasNoControl: "the keys of the other server are there",
    },
    redisPrefix: {
      value: "shop",
      observe: async () => [await keysLike("shop*"), await keysLike("fanfare*")],
      expected: [true, false],
      hasNoControl: "the keys of the other server are there",
    },
  },
};

/** A server on Redis, which is named by host and port, and has no replica. */
export const replicasGroup: SettingsGroup = {
  name: "Redis with replicas",
  base: {},
  prepare: async (stack) => ({ env: { REDIS_PORT: String((await start(stack)).port) } }),
  settings: {
    redisWait: {
      value: "1",
      observe: async (it) => (await publish(it, { channel: "room", message: "m" })).status,
      expected: 503,
    },
    redisHost: {
      value: "127.0.0.1",
      observe: () => keysLike("fanfare*"),
      expected: true,
      hasNoControl: "the keys of the other server are there",
    },
    redisPort: {
      // Not the default port.
      observe: async () => redis?.port !== 6379 && keysLike("fanfare*"),
      expected: true,
      hasNoControl: "the keys of the other server are there",
    },
  },
};
