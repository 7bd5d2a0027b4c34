import { bytes, duration, type OptionsOf, port, text, whole } from "../lib/option.ts";

/** 400 days: a year and some room. Ages are compared, not waited for, so no timer sets the bound. */
const maxTtlMs = 400 * 86_400_000;

export const brokerOptions = {
  historySize: whole(1000, "Messages kept per channel, so that clients can resume. 0 keeps none.", { max: 1_000_000 }),
  historyTtl: duration(300_000, "How long a message is kept.", { min: 1, max: maxTtlMs }),
  historyBytes: bytes(1024 ** 2, "Memory for the messages kept per channel, counted as docs/operate.md says.", {
    max: 1024 ** 3,
  }),
  historyBytesTotal: bytes(
    256 * 1024 ** 2,
    "Memory for the messages of all channels, known channels and remembered ids together, counted in the same way.",
    {
      min: 1024 ** 2,
      max: 1024 ** 4,
    },
  ),
  idempotencyWindow: duration(300_000, "How long a publisher's id is remembered, so that a retry is stored once.", {
    min: 1000,
    max: 86_400_000,
  }),
  idempotencyBytes: bytes(
    128 * 1024 ** 2,
    "The part of HISTORY_BYTES_TOTAL that remembered ids may take, at most half. Beyond it new ids are refused: see docs/durable-history.md.",
    { min: 512 * 1024, max: 1024 ** 4 },
  ),
  clientShare: whole(
    10,
    "Percent of HISTORY_BYTES_TOTAL that one user, or one address, may take with known channels, stored messages and remembered ids together. API keys are not limited, and a quarter is reserved for them.",
    { min: 1, max: 100 },
  ),
  dataDir: text(
    undefined,
    "Directory for durable history and schedules: with it, both survive a restart of the server.",
  ),
  redisUrl: text(undefined, "Redis or Valkey server that several machines share.", {
    pattern: /^rediss?(\+cluster|\+sentinel)?:\/\/\S+$/,
    rule: "an address such as redis://127.0.0.1:6379, rediss://user:password@host:6380/0, redis+cluster://host:7000,host:7001 or redis+sentinel://host:26379,host:26379/primary",
    isSecret: true,
    orFile: true,
  }),
  redisHost: text(undefined, "Host of the Redis or Valkey server, if REDIS_URL is not set.", {
    pattern: /^(?:[A-Za-z0-9._-]+|\[?[0-9A-Fa-f.]*:[0-9A-Fa-f.]*:[0-9A-Fa-f.:]*\]?)$/,
    rule: "a host name or IP address without a port, which is REDIS_PORT",
  }),
  redisPort: port(6379, "Port of REDIS_HOST. Has no effect alone."),
  redisWait: whole(
    0,
    "Replicas that must have a message before it is acknowledged. 0 acknowledges once the primary has it.",
    {
      max: 10,
    },
  ),
  redisPrefix: text("fanfare", "Prefix of all keys and channels in Redis.", {
    pattern: /^[A-Za-z0-9_.:-]{1,64}$/,
    rule: "1 to 64 of the characters A-Z a-z 0-9 _ . : -",
  }),
};

export type BrokerOptions = OptionsOf<typeof brokerOptions>;
