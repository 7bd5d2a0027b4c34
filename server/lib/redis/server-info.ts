import { RedisUnusable } from "./unreachable.ts";

/** The parts of `INFO` that are used. */
export interface ServerInfo {
  /** `7.0.15`; Valkey reports it as `redis_version` too. */
  readonly version: string;
  readonly isPrimary: boolean;
  /** The replication id. It changes with each restart of a primary and each failover. */
  readonly replicationId: string;
  readonly isCluster: boolean;
  /** The behaviour when `maxmemory` is reached, such as `noeviction`. */
  readonly evictionPolicy: string;
  readonly maxMemory: number;
}

/** The scripts require this version. */
const oldestVersion = [6, 2] as const;

/** @param text the answer to `INFO`: lines of `name:value`, and headings that begin with `#` */
export function parseServerInfo(text: string): ServerInfo {
  const values = new Map<string, string>();
  for (const line of text.split("\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) values.set(line.slice(0, colon), line.slice(colon + 1).trimEnd());
  }
  return {
    version: values.get("redis_version") ?? "",
    isPrimary: values.get("role") === "master",
    replicationId: values.get("master_replid") ?? "",
    isCluster: values.get("cluster_enabled") === "1",
    evictionPolicy: values.get("maxmemory_policy") ?? "noeviction",
    maxMemory: Number(values.get("maxmemory") ?? 0),
  };
}

/**
 * @param server its address, for the message
 * @param wantsCluster whether the address is one of a cluster
 * @throws RedisUnusable where a person has to change something
 */
export function checkServer(info: ServerInfo, server: string, wantsCluster: boolean): void {
  const { version, isPrimary, replicationId, isCluster } = info;
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (version === "" || replicationId === "")
    throw new RedisUnusable(`${server} does not answer INFO like Redis or Valkey`);
  if (major < oldestVersion[0] || (major === oldestVersion[0] && minor < oldestVersion[1])) {
    throw new RedisUnusable(`${server} is Redis ${version}: expected ${oldestVersion.join(".")} or later, or Valkey`);
  }
  if (isCluster && !wantsCluster) {
    throw new RedisUnusable(`${server} is a node of a cluster: use redis+cluster:// and name some of its nodes`);
  }
  if (!isPrimary) throw new RedisUnusable(`${server} is a replica: name its primary, or use redis+sentinel://`);
}

/** Whether the server supports sharded publish and subscribe. */
export function hasShardedPubSub({ version, isCluster }: ServerInfo): boolean {
  return isCluster && Number(version.split(".")[0]) >= 7;
}
