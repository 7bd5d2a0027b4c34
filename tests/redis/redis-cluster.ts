import type { RedisAddress } from "../../server/lib/redis/address.ts";
import { startAll } from "../start-all.ts";
import { until } from "../waiting.ts";
import { RedisServer } from "./redis.ts";

const slotCount = 16_384;
/** Enough for a busy machine. While the cluster is formed, a node that does not answer within this time is forgotten again. */
const patientMs = 15_000;

/** The options of a cluster. */
export interface ClusterShape {
  readonly primaries: number;
  readonly replicasEach: number;
  /** After this time without an answer, a node counts as failed. */
  readonly nodeTimeoutMs?: number;
}

/** A real Redis Cluster on loopback. */
export class RedisServerCluster implements AsyncDisposable {
  readonly servers: readonly RedisServer[];
  readonly #shape: ClusterShape;

  private constructor(servers: readonly RedisServer[], shape: ClusterShape) {
    this.servers = servers;
    this.#shape = shape;
  }

  /** @throws Error if it cannot be formed. It has left nothing behind then. */
  static async start(shape: ClusterShape): Promise<RedisServerCluster> {
    const count = shape.primaries * (1 + shape.replicasEach);
    const config = {
      "cluster-enabled": "yes",
      "cluster-node-timeout": String(patientMs),
      "cluster-config-file": "nodes.conf",
    };
    const servers = await startAll(Array.from({ length: count }, () => RedisServer.start(config)));
    const cluster = new RedisServerCluster(servers, shape);
    try {
      await cluster.#form();
      return cluster;
    } catch (error) {
      await cluster.close();
      throw error;
    }
  }

  get address(): RedisAddress {
    const hosts = this.servers.slice(0, 2).map(({ port }) => ({ host: "127.0.0.1", port }));
    return {
      kind: "cluster",
      hosts,
      username: undefined,
      password: undefined,
      db: 0,
      hasTls: false,
      primaryName: undefined,
    };
  }

  get url(): string {
    return `redis+cluster://${this.servers.map(({ port }) => `127.0.0.1:${port}`).join(",")}`;
  }

  /** The server that currently has a key's slot. */
  async primaryOf(key: string): Promise<RedisServer> {
    const living = this.servers.find((it) => it.isRunning);
    if (living === undefined) throw new Error("no node of the cluster runs");
    const slot = Number(await living.command("CLUSTER", "KEYSLOT", key));
    const ranges = (await living.command("CLUSTER", "SLOTS")) as [number, number, [string, number]][];
    const port = ranges.find(([first, last]) => slot >= first && slot <= last)?.[2][1];
    const server = this.servers.find((it) => it.port === port);
    if (server === undefined) throw new Error(`no node has slot ${slot}`);
    return server;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async replicaOf(primary: RedisServer): Promise<RedisServer> {
    let replica: RedisServer | undefined;
    // A node lists a replica only once it has heard how far that has read.
    await until(async () => {
      const ranges = (await primary.command("CLUSTER", "SLOTS")) as [number, number, ...[string, number][]][];
      const ports = ranges.flatMap(([, , first, ...replicas]) =>
        first?.[1] === primary.port ? replicas.map(([, port]) => port) : [],
      );
      replica = this.servers.find(({ port }) => ports.includes(port));
      return replica !== undefined;
    }, "the primary lists its replica");
    if (replica === undefined) throw new Error("this primary has no replica");
    return replica;
  }

  async close(): Promise<void> {
    await Promise.all(this.servers.map((it) => it.close()));
  }

  async #form(): Promise<void> {
    const { primaries, replicasEach, nodeTimeoutMs } = this.#shape;
    const [first, ...others] = this.servers;
    if (first === undefined) throw new Error("a cluster needs at least one node");
    for (const { port } of others) await first.command("CLUSTER", "MEET", "127.0.0.1", port);
    for (const [n, it] of this.servers.slice(0, primaries).entries())
      await it.command("CLUSTER", "ADDSLOTS", ...slotsOf(n, primaries));
    const known = `cluster_known_nodes:${this.servers.length}\r`;
    for (const it of this.servers) await untilSaid(it, ["CLUSTER", "INFO"], (info) => info.includes(known));
    const replicas = this.servers.slice(primaries, primaries * (1 + replicasEach));
    for (const [n, it] of replicas.entries()) {
      const id = await this.servers[n % primaries]?.command("CLUSTER", "MYID");
      await it.command("CLUSTER", "REPLICATE", String(id));
    }
    for (const it of this.servers)
      await untilSaid(it, ["CLUSTER", "INFO"], (info) => info.includes("cluster_state:ok\r"));
    for (const it of replicas)
      await untilSaid(it, ["INFO", "replication"], (info) => info.includes("master_link_status:up\r"));
    if (nodeTimeoutMs === undefined) return;
    for (const it of this.servers) await it.command("CONFIG", "SET", "cluster-node-timeout", nodeTimeoutMs);
  }
}

/** The slots of the nth primary. */
function slotsOf(n: number, primaries: number): readonly number[] {
  const first = Math.floor((n * slotCount) / primaries);
  const end = Math.floor(((n + 1) * slotCount) / primaries);
  return Array.from({ length: end - first }, (_, index) => first + index);
}

async function untilSaid(
  server: RedisServer,
  command: readonly [string, string],
  isRight: (answer: string) => boolean,
): Promise<void> {
  const isSaid = async () => isRight(String(await server.command(...command)));
  await until(isSaid, `the answer of ${server.url} to ${command.join(" ")} is right`);
}
