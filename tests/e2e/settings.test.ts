import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { declarations } from "../../server/config/options.ts";
import { settingKey } from "../../server/lib/option.ts";
import { eventually } from "../waiting.ts";
import { startServer } from "./server.ts";
import { SocketUnderTest } from "./socket.ts";

/**
 * Where the effect of a setting is tested: a file or a folder that contains the setting's name, its key in the settings,
 * or the word given here.
 */
const shownElsewhere: Readonly<Record<string, string | readonly [path: string, word: string]>> = {
  host: "tests/e2e/http-host.test.ts",
  port: "tests/e2e/cli.test.ts",
  ssePath: "tests/e2e/http.test.ts",
  sseBatchPath: "tests/e2e/http.test.ts",
  corsOrigins: "tests/e2e/http-access.test.ts",
  keepAliveTimeout: "tests/e2e/http.test.ts",
  trustedProxies: "tests/e2e/addresses-and-rates.test.ts",
  tlsCert: "tests/e2e/tls.test.ts",
  tlsKey: "tests/e2e/tls.test.ts",
  opsPort: "tests/e2e/ops.test.ts",
  maxSchedules: "tests/e2e/schedules.test.ts",
  scheduleBytes: "server/schedule/schedules.test.ts",
  page: "tests/e2e/page.test.ts",
  wsPath: "tests/e2e/http.test.ts",
  wsPingInterval: "tests/e2e/heartbeat.test.ts",
  wsPingTimeout: "tests/e2e/heartbeat.test.ts",
  streamLifetime: "server/transport/sse/sse.test.ts",
  apiKeys: "tests/e2e/http-access.test.ts",
  jwtSecret: "tests/e2e/http-tokens.test.ts",
  jwtPublicKey: "server/auth/token.test.ts",
  jwksUrl: "server/auth/token.test.ts",
  jwtIssuer: "server/auth/token.test.ts",
  jwtAudience: "server/auth/token.test.ts",
  anonymous: "tests/e2e/presence.test.ts",
  insecure: "tests/e2e/http-access.test.ts",
  chat: "tests/e2e/cli-client.test.ts",
  notices: "tests/e2e/cli-client.test.ts",
  notificationInterval: "tests/e2e/workers.test.ts",
  shutdownTimeout: "tests/e2e/drain.test.ts",
  drainDelay: "tests/e2e/drain.test.ts",
  drainWindow: "tests/e2e/drain.test.ts",
  drainMode: "tests/e2e/drain.test.ts",
  userConnections: "tests/e2e/client.test.ts",
  flushWindow: ["server/delivery/flush-window.test.ts", "FlushWindow"],
  slowTimeout: "tests/e2e/slow-readers.test.ts",
  sendBufferBytes: "tests/e2e/slow-readers.test.ts",
  maxConnections: "tests/e2e/open-files.test.ts",
  maxConnectionsPerIp: "tests/e2e/addresses-and-rates.test.ts",
  maxConnectionsPerUser: "tests/e2e/http-access.test.ts",
  messageRate: "tests/e2e/budgets.test.ts",
  historyRate: "tests/e2e/budgets.test.ts",
  presenceRate: "tests/e2e/budgets.test.ts",
  handshakeRate: "tests/e2e/budgets.test.ts",
  maxRequests: "tests/e2e/budgets.test.ts",
  maxUnfinishedBytes: "tests/e2e/budgets.test.ts",
  maxMemory: "tests/e2e/memory-limit.test.ts",
  usersPerAddress: "tests/e2e/budgets.test.ts",
  usersPerKey: "tests/e2e/budgets.test.ts",
  historySize: "tests/e2e/slow-readers.test.ts",
  historyBytes: "tests/e2e/slow-readers.test.ts",
  idempotencyWindow: "server/broker/open-log.test.ts",
  idempotencyBytes: "server/broker/open-log.test.ts",
  clientShare: "server/broker/ledger/shares.test.ts",
  dataDir: "tests/e2e/storage.test.ts",
  redisUrl: "tests/redis",
  redisHost: "server/config/load.test.ts",
  redisPort: "server/config/load.test.ts",
  redisWait: ["tests/redis", "replicas"],
  redisPrefix: ["tests/redis", "prefix"],
  workers: "tests/e2e/workers.test.ts",
  logLevel: "tests/e2e/cli.test.ts",
  logFormat: "tests/e2e/cli.test.ts",
  debug: "tests/e2e/cli.test.ts",
};

/** Settings whose effect is shown here, on a real server. */
const shownHere: Readonly<Record<string, () => Promise<void>>> = {
  maxBodyBytes: async () => {
    await using server = await startServer({ env: { MAX_BODY_BYTES: "1024", MAX_MESSAGE_BYTES: "1024" } });
    const post = async (length: number) =>
      (await server.request("POST", "/v1/publish", `{"channel":"a","data":1}${" ".repeat(length - 24)}`)).status;
    expect([await post(1024), await post(1025)]).toEqual([200, 413]);
  },
  maxMessageBytes: async () => {
    await using server = await startServer({ env: { MAX_MESSAGE_BYTES: "256" } });
    const post = async (length: number) =>
      (await server.request("POST", "/v1/publish", { channel: "a", message: "x".repeat(length) })).status;
    expect([await post(256), await post(257)]).toEqual([200, 413]);
  },
  notificationMessage: async () => {
    const env = { NOTIFICATION_INTERVAL: "1s", NOTIFICATION_MESSAGE: "The sun is up" };
    await using server = await startServer({ env });
    using socket = await SocketUnderTest.open(server.wsUrl);
    const frame = await socket.until(({ message }) => message === "The sun is up");
    expect(frame).toMatchObject({ type: "message", channel: "all" });
  },
  historyTtl: async () => {
    await using server = await startServer({ env: { HISTORY_TTL: "1ms" } });
    const published = await server.request("POST", "/v1/publish", { channel: "a", message: "soon gone" });
    expect(await published.json()).toMatchObject({ offset: 1 });
    const kept = async () =>
      ((await (await server.request("GET", "/v1/channels/a/history?since=earliest")).json()) as { messages: unknown[] })
        .messages;
    await eventually(async () => expect(await kept()).toEqual([]));
  },
  historyBytesTotal: async () => {
    await using server = await startServer({ env: { HISTORY_BYTES_TOTAL: "1MiB", HISTORY_BYTES: "1MiB" } });
    const channels = Array.from({ length: 40 }, (_, at) => `c${at}`);
    for (const channel of channels) {
      await server.request("POST", "/v1/publish", { channel, message: "x".repeat(60_000) });
    }
    const kept = async (channel: string) => {
      const response = await server.request("GET", `/v1/channels/${channel}/history?since=earliest`);
      return ((await response.json()) as { messages: unknown[] }).messages.length;
    };
    expect([await kept("c0"), await kept("c39")]).toEqual([0, 1]);
  },
  maxChannels: async () => {
    await using server = await startServer({ env: { MAX_CHANNELS: "1" } });
    using socket = await SocketUnderTest.open(`${server.wsUrl}?channel=a`);
    socket.send({ type: "subscribe", channel: "b", ref: 1 });
    expect(await socket.until(({ ref }) => ref === 1)).toMatchObject({ type: "error", code: "too-many-channels" });
  },
  trustUserId: async () => {
    const env = { API_KEY: "a key of a server 0123", ANONYMOUS: "on" };
    await using believing = await startServer({
      env: { ...env, API_KEY: "key-0123456789abcdef", TRUST_USER_ID: "on" },
    });
    using socket = await SocketUnderTest.open(`${believing.wsUrl}?user_id=alice`);
    expect(socket.welcome.user_id).toBe("alice");
    await using doubting = await startServer({ env: { ...env, API_KEY: "key-0123456789abcdef" } });
    const other = new SocketUnderTest(`${doubting.wsUrl}?user_id=alice`, { protocols: ["fanfare.v1"] });
    expect(await other.untilClosed()).toMatchObject({ code: 4500 });
  },
};

const root = join(import.meta.dir, "..", "..");

describe("every setting has an effect:", () => {
  test.each(declarations.map((it) => [it.name, it] as const))(
    "%s",
    async (_, { key, names, option }) => {
      const here = shownHere[key];
      if (here !== undefined) {
        await here();
        return;
      }
      const place = shownElsewhere[key];
      expect([key, place]).not.toEqual([key, undefined]); // Add where a new setting's effect is tested.
      const [path = "", ...words] = [place ?? ""].flat();
      const found = wordsOf(path);
      expect([...words, ...names, key, settingKey(key, option)].some((word) => found.has(word))).toBe(true);
    },
    30_000,
  );
});

/** The words of a test file, or of all files in a folder. */
function wordsOf(path: string): ReadonlySet<string> {
  const files = path.endsWith(".ts") ? [path] : [...new Bun.Glob(`${path}/**/*.ts`).scanSync(root)];
  return new Set(files.flatMap((file) => readFileSync(join(root, file), "utf8").match(/\w+/g) ?? []));
}
