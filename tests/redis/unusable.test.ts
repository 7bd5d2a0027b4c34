import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { runProgram } from "../e2e/program.ts";
import { startServer } from "../e2e/server.ts";
import { Shared } from "../shared.ts";
import { type RedisConfig, RedisServer } from "./redis.ts";
import { RedisServerCluster } from "./redis-cluster.ts";
import { ScriptedRedis } from "./scripted-redis.ts";
import { TlsServer } from "./tls-server.ts";

const password = "hunter2-and/more@words";
const encoded = encodeURIComponent(password);

const shared = new Shared();
const redis = (config: RedisConfig = {}) => shared.use(RedisServer.start(config));

let plain: RedisServer;
let cluster: RedisServerCluster;
beforeAll(async () => {
  [plain, cluster] = await Promise.all([
    redis(),
    shared.use(RedisServerCluster.start({ primaries: 3, replicasEach: 0 })),
  ]);
});
afterAll(() => shared.close());

/** The one line that the program prints before it exits. Fails if it contains a password. */
async function refusal(env: Readonly<Record<string, string>>): Promise<string> {
  const { code, out, err } = await runProgram(["start", "--port", "0"], { env });
  for (const secret of [password, encoded]) expect(out + err).not.toContain(secret);
  expect(code).toBeGreaterThan(0);
  expect(out).toBe("");
  expect(err).toMatch(/^error: [^\n]+\n$/);
  return err.slice("error: ".length, -1);
}

describe("an unusable Redis is refused in one line with a solution:", () => {
  test("another program's port", async () => {
    using web = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("Hello") });
    const place = `127.0.0.1:${web.port}`;
    const expected = `REDIS_URL: ${place} does not answer like Redis. Check that the port is not another program's.`;
    expect(await refusal({ REDIS_URL: `redis://u:${encoded}@${place}` })).toBe(expected);
    expect(await refusal({ REDIS_URL: `redis://${place}`, WORKERS: "2" })).toBe(expected);
  });

  test("a port without a listener, and an unknown host", async () => {
    const gone = await redis();
    await gone.kill();
    const address = `127.0.0.1:${gone.port}`;
    const solution = "Start Redis there, or correct the address.";
    // Each waits for ten seconds, since Redis may still be starting.
    const [nobody, unknown, sentinels] = await Promise.all([
      refusal({ REDIS_URL: gone.url }),
      refusal({ REDIS_HOST: "no-such-host.invalid" }),
      refusal({ REDIS_URL: `redis+sentinel://${address}/main` }),
    ]);
    expect(nobody).toBe(`REDIS_URL: ${address} does not answer (connect ECONNREFUSED ${address}). ${solution}`);
    expect(unknown).toBe(
      `REDIS_HOST: no-such-host.invalid:6379 does not answer (getaddrinfo ENOTFOUND no-such-host.invalid). ${solution}`,
    );
    expect(sentinels).toMatch(
      /^REDIS_URL: main behind the sentinels at 127.0.0.1:\d+ does not answer \(All sentinels are unreachable\. Last error: /,
    );
  });

  test("one that requires a password, a different password, or a different user", async () => {
    const server = await redis();
    await server.command("CONFIG", "SET", "requirepass", "quite-another");
    const { port } = server;
    const place = `127.0.0.1:${port}`;
    expect(await refusal({ REDIS_URL: `redis://${place}` })).toBe(
      `REDIS_URL: ${place} requires a password. Set it in REDIS_URL (redis://:password@host:port) or in the file of REDIS_URL_FILE`,
    );
    for (const user of ["", "bob"]) {
      expect(await refusal({ REDIS_URL: `redis://${user}:${encoded}@${place}` })).toStartWith(
        `REDIS_URL: ${place} refuses the name or password: `,
      );
    }
  });

  test("a replica, and a primary that accepts no writes", async () => {
    const replica = await redis({ replicaof: `127.0.0.1 ${plain.port}` });
    expect(await refusal({ REDIS_URL: replica.url })).toBe(
      `REDIS_URL: 127.0.0.1:${replica.port} is a replica: name its primary, or use redis+sentinel://`,
    );
    const alone = await redis({ "min-replicas-to-write": "1" });
    expect(await refusal({ REDIS_URL: alone.url })).toBe(
      `REDIS_URL: 127.0.0.1:${alone.port} answers, but cannot be used now: NOREPLICAS Not enough good replicas to write. ` +
        "Correct this in Redis, then start again.",
    );
  });

  test("a cluster configured as a single server, and the reverse", async () => {
    const [node] = cluster.servers;
    expect(await refusal({ REDIS_URL: node?.url ?? "" })).toBe(
      `REDIS_URL: 127.0.0.1:${node?.port} is a node of a cluster: use redis+cluster:// and name some of its nodes`,
    );
    expect(await refusal({ REDIS_URL: plain.url.replace("redis:", "redis+cluster:") })).toBe(
      `REDIS_URL: 127.0.0.1:${plain.port} is not a cluster. Use redis:// without +cluster`,
    );
  });

  test("a server with TLS, addressed without it", async () => {
    await using server = await TlsServer.start();
    const place = `127.0.0.1:${server.port}`;
    expect(await refusal({ REDIS_URL: `redis://${place}` })).toBe(
      `REDIS_URL: ${place} speaks TLS: use rediss:// instead of redis://`,
    );
  });

  test("a port in REDIS_HOST", async () => {
    expect(await refusal({ REDIS_HOST: "127.0.0.1:6379" })).toBe(
      'REDIS_HOST: expected a host name or IP address without a port, which is REDIS_PORT, got "127.0.0.1:6379"',
    );
  });

  test("TLS to a server without it, and a database that does not exist", async () => {
    const place = `127.0.0.1:${plain.port}`;
    expect(await refusal({ REDIS_URL: `rediss://${place}` })).toBe(
      `REDIS_URL: ${place} does not speak TLS: use redis:// instead of rediss://`,
    );
    expect(await refusal({ REDIS_URL: `redis://${place}/99` })).toBe(
      `REDIS_URL: ${place} has no database with this number. See "databases" in its configuration`,
    );
  });

  test("a version that is too old", async () => {
    using old = new ScriptedRedis({ redis_version: "6.0.16", role: "master", master_replid: "abc" });
    const place = old.url.slice("redis://".length);
    expect(await refusal({ REDIS_URL: old.url })).toBe(
      `REDIS_URL: ${place} is Redis 6.0.16: expected 6.2 or later, or Valkey`,
    );
  });

  test("a Redis user without access to the keys, or to the channels", async () => {
    const server = await redis();
    await server.command("ACL", "SETUSER", "nokeys", "on", `>${password}`, "+@all", "&*");
    await server.command("ACL", "SETUSER", "nochannels", "on", `>${password}`, "+@all", "~*", "resetchannels");
    for (const user of ["nokeys", "nochannels"]) {
      expect(await refusal({ REDIS_URL: `redis://${user}:${encoded}@127.0.0.1:${server.port}` })).toMatch(
        /^REDIS_URL: \S+ does not permit a command that is needed: .*; docs\/machines.md has the rights/,
      );
    }
  });

  test("keys of another version, and of another program", async () => {
    const server = await redis();
    await server.command("HSET", "mine/server", "format", "99");
    expect(await refusal({ REDIS_URL: server.url, REDIS_PREFIX: "mine" })).toMatch(
      /^REDIS_URL: the keys under the prefix "mine" belong to another version of Fanfare \(format 99, this one has \d+\): stop all servers and delete these keys, or choose another REDIS_PREFIX$/,
    );
    await server.command("SET", "theirs/server", "foreign");
    expect(await refusal({ REDIS_URL: server.url, REDIS_PREFIX: "theirs" })).toMatch(
      /belongs to another program: choose another REDIS_PREFIX$/,
    );
    expect(await server.command("GET", "theirs/server")).toBe("foreign");
  });

  test.each(["presence:owners", "{cluster}:members", "{cluster}:count"])(
    "another program's key in place of %s",
    async (name) => {
      const env = { REDIS_URL: plain.url, REDIS_PREFIX: `${name.replace(/[{}]/g, "")}-taken` };
      await plain.command("SET", `${env.REDIS_PREFIX}/${name}`, "foreign");
      const { code, err, out } = await runProgram(["start", "--port", "0"], { env });
      expect(code).toBeGreaterThan(0);
      expect(err).toMatch(/^error: REDIS_URL: \S.* belongs to another program: choose another REDIS_PREFIX$/m);
      expect(out + err).not.toContain("    at ");
      expect(await plain.command("GET", `${env.REDIS_PREFIX}/${name}`)).toBe("foreign");
    },
  );

  test("a history on the local disk as well", async () => {
    expect(await refusal({ REDIS_URL: `redis://u:${encoded}@127.0.0.1`, DATA_DIR: "history" })).toBe(
      "DATA_DIR and REDIS_URL: history is stored in one place only; set only one of them",
    );
  });
});

describe("a questionable Redis causes a warning in one line:", () => {
  test("history settings that differ from the previous server's", async () => {
    const server = await redis();
    await using _first = await startServer({ env: { REDIS_URL: server.url, HISTORY_SIZE: "10" } });
    await using second = await startServer({ env: { REDIS_URL: server.url, HISTORY_SIZE: "20" } });
    const [line] = await second.untilLogged(/.*WARNING.*different history settings.*/);
    expect(line).toContain("HISTORY_SIZE=10");
    expect(line).toContain("HISTORY_SIZE=20");
  });

  test("a password that Redis does not need", async () => {
    const env = { REDIS_URL: `redis://:${encoded}@127.0.0.1:${plain.port}`, REDIS_PREFIX: "no-password" };
    await using fanfare = await startServer({ env });
    await fanfare.untilLogged(/.*WARNING.*REDIS_URL has a password, but this Redis accepts connections without one.*/);
    expect((await fanfare.request("POST", "/v1/publish", { channel: "a", data: 1 })).status).toBe(200);
    expect(fanfare.output).not.toContain("[WARN]");
    expect(fanfare.output.match(/accepts connections without one/g)).toHaveLength(1);
  });

  test("an eviction policy that deletes keys", async () => {
    const server = await redis({ maxmemory: "64mb", "maxmemory-policy": "allkeys-lru" });
    await using fanfare = await startServer({ env: { REDIS_URL: server.url } });
    const [line] = await fanfare.untilLogged(/.*WARNING.*may evict Fanfare's keys.*/);
    expect(line).toMatch(/allkeys-lru.*Set maxmemory-policy noeviction/);
  });
});

test("a user with the permissions in docs/machines.md is sufficient, and its password is in no log line, answer or error", async () => {
  const server = await redis();
  const page = await Bun.file(join(import.meta.dir, "../../docs/machines.md")).text();
  const [, rights = ""] = /^ACL SETUSER fanfare on >password (.*)$/m.exec(page) ?? [];
  await server.command("ACL", "SETUSER", "fanfare", "on", `>${password}`, ...rights.split(" "));
  const url = `redis://fanfare:${encoded}@127.0.0.1:${server.port}`;
  await using fanfare = await startServer({ env: { REDIS_URL: url, LOG_LEVEL: "debug" }, flags: ["--workers", "1"] });
  expect((await fanfare.request("POST", "/v1/publish", { channel: "a", data: 1, id: "one" })).status).toBe(200);
  expect((await fanfare.request("GET", "/v1/channels/a/history?since=earliest")).status).toBe(200);
  const texts: string[] = [];
  for (const path of ["/v1/nodes", "/metrics", "/health", "/v1/connections"]) {
    texts.push(await (await fanfare.request("GET", path)).text());
  }
  // The password changes: the connection is cut, and the next one is refused.
  await server.command("ACL", "SETUSER", "fanfare", "resetpass", ">changed-by-somebody");
  await server.command("CLIENT", "KILL", "USER", "fanfare");
  await fanfare.untilLogged(/Redis cannot be used: .*refuses the name or password/);
  const refused = await fanfare.request("POST", "/v1/publish", { channel: "a", data: 1 });
  expect(refused.status).toBe(503);
  const refusal = await refused.text();
  expect(refusal).toContain("Redis is not available; retry with the same id");
  for (const place of ["127.0.0.1", `${server.port}`]) expect(refusal).not.toContain(place);
  texts.push(refusal);
  const { out, err } = await runProgram(["config", "show"], { env: { REDIS_URL: url } });
  for (const text of [...texts, out, err, fanfare.output]) {
    for (const secret of [password, encoded]) expect(text).not.toContain(secret);
  }
});
