import { describe, expect, test } from "bun:test";
import { checkServer, hasShardedPubSub, parseServerInfo } from "./server-info.ts";
import { RedisUnusable } from "./unreachable.ts";

const info = (more: Readonly<Record<string, string>> = {}) =>
  parseServerInfo(
    Object.entries({ redis_version: "7.0.15", role: "master", master_replid: "abc", cluster_enabled: "0", ...more })
      .map(([name, value]) => `${name}:${value}\r\n`)
      .join("# Heading\r\n"),
  );

describe("the answer to INFO", () => {
  test("is parsed line by line", () => {
    expect(info({ maxmemory: "1048576", maxmemory_policy: "allkeys-lru" })).toEqual({
      version: "7.0.15",
      isPrimary: true,
      replicationId: "abc",
      isCluster: false,
      evictionPolicy: "allkeys-lru",
      maxMemory: 1_048_576,
    });
  });

  test.each(["6.2.0", "6.10.1", "7.0.15", "8.0.0", "10.0.0"])("version %s is supported", (version) => {
    expect(() => checkServer(info({ redis_version: version }), "h:1", false)).not.toThrow();
  });

  test.each([
    [{ redis_version: "6.0.16" }, /is Redis 6\.0\.16: expected 6\.2 or later/],
    [{ redis_version: "5.0.7" }, /expected 6\.2/],
    [{ role: "slave" }, /is a replica/],
    [{ redis_version: "" }, /does not answer INFO/],
    [{ cluster_enabled: "1" }, /is a node of a cluster: use redis\+cluster/],
  ])("%j is rejected with a reason", (more, explanation) => {
    const check = () => checkServer(info(more), "h:1", false);
    expect(check).toThrow(RedisUnusable);
    expect(check).toThrow(explanation);
  });

  test("a cluster node is accepted if a cluster is configured", () => {
    expect(() => checkServer(info({ cluster_enabled: "1" }), "h:1", true)).not.toThrow();
  });

  test("only a cluster of version 7 or later has sharded subscriptions", () => {
    const isSharded = (version: string, cluster: string) =>
      hasShardedPubSub(info({ redis_version: version, cluster_enabled: cluster }));
    expect([isSharded("7.0.0", "1"), isSharded("6.2.14", "1"), isSharded("7.2.4", "0")]).toEqual([true, false, false]);
  });
});
