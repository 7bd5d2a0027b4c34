import type { RedisAddress } from "../../server/lib/redis/address.ts";
import { until } from "../waiting.ts";
import { RedisServer } from "./redis.ts";

const slotCount = 16_384;

/** The options of a cluster. */
export interface ClusterShape {
  readonly primaries: number;
  readonly replicasEach: number;
}

/** A real Redis Cluster on loopback. */
export class RedisServerCluster implements AsyncDisposable {
  readonly servers: readonly RedisServer[];
  readonly #shape: ClusterShape;

  private constructor(servers: readonly RedisServer[], shape: ClusterShape) {
    this.servers = servers;
    this.#shape = shape;
  }

  static async start(shape: ClusterShape): Promise<RedisServerCluster> {
    const count = shape.primaries * (1 + shape.replicasEach);
    const config = { "cluster-enabled": "yes", "cluster-node-timeout": "1000", "cluster-config-file": "nodes.conf" };
    const servers = await Promise.all(Array.from({ length: count }, () => RedisServer.start(config)));
    const cluster = new RedisServerCluster(servers, shape);
    await cluster.#form();
    return cluster;
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
    const ranges = (await primary.command("CLUSTER", "SLOTS")) as [number, number, ...[string, number][]][];
    const ports = ranges.flatMap(([, , first, ...replicas]) =>
      first?.[1] === primary.port ? replicas.map(([, port]) => port) : [],
    );
    const replica = this.servers.find(({ port }) => ports.includes(port));
    if (replica === undefined) throw new Error("this primary has no replica");
    return replica;
  }

  async close(): Promise<void> {
    await Promise.all(this.servers.map((it) => it.close()));
  }

  async #form(): Promise<void> {
    const { primaries, replicasEach } = this.#shape;
    const [first, ...others] = this.servers;
    if (first === undefined) throw new Error("a cluster needs at least one node");
    for (const { port } of others) await first.command("CLUSTER", "MEET", "127.0.0.1", port);
    for (let n = 0; n < primaries; n++) {
      const [from, to] = [n, n + 1].map((it) => Math.floor((it * slotCount) / primaries));
      const slots = Array.from({ length: (to ?? 0) - (from ?? 0) }, (_, slot) => (from ?? 0) + slot);
      await this.servers[n]?.command("CLUSTER", "ADDSLOTS", ...slots);
    }
    await this.#until("cluster_known_nodes", String(this.servers.length));
    for (let n = 0; n < primaries * replicasEach; n++) {
      const id = await this.servers[n % primaries]?.command("CLUSTER", "MYID");
      await this.servers[primaries + n]?.command("CLUSTER", "REPLICATE", String(id));
    }
    await this.#until("cluster_state", "ok");
    for (let n = primaries; n < this.servers.length; n++) await this.#untilReplicates(this.servers[n]);
  }

  async #until(name: string, value: string): Promise<void> {
    for (const server of this.servers) {
      const isSo = async () => String(await server.command("CLUSTER", "INFO")).includes(`${name}:${value}\r`);
      await until(isSo, `the cluster's ${name} is ${value}`);
    }
  }

  async #untilReplicates(server: RedisServer | undefined): Promise<void> {
    const info = async () => String(await server?.command("INFO", "replication"));
    await until(async () => (await info()).includes("master_link_status:up"), "the replica follows its primary");
  }
}
