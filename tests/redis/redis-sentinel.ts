import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../waiting.ts";
import { freePort, program, RedisServer } from "./redis.ts";

/** The sentinel's name for the primary. */
const primaryName = "main";

/** A primary, a replica and a sentinel that monitors them. */
export class RedisWithSentinel implements AsyncDisposable {
  readonly primary: RedisServer;
  readonly replica: RedisServer;
  readonly url: string;
  readonly #sentinel: ChildProcess;
  readonly #folder: string;

  private constructor(
    servers: readonly [RedisServer, RedisServer],
    sentinel: ChildProcess,
    folder: string,
    port: number,
  ) {
    [this.primary, this.replica] = servers;
    this.#sentinel = sentinel;
    this.#folder = folder;
    this.url = `redis+sentinel://127.0.0.1:${port}/${primaryName}`;
  }

  static async start(): Promise<RedisWithSentinel> {
    const primary = await RedisServer.start();
    const replica = await RedisServer.start({ replicaof: `127.0.0.1 ${primary.port}` });
    await until(
      async () => String(await replica.command("INFO", "replication")).includes("master_link_status:up"),
      "the replica replicates",
    );
    const folder = await mkdtemp(join(tmpdir(), "fanfare-sentinel-"));
    const port = await freePort();
    const config = [
      `port ${port}`,
      "bind 127.0.0.1",
      `sentinel monitor ${primaryName} 127.0.0.1 ${primary.port} 1`,
      `sentinel down-after-milliseconds ${primaryName} 1000`,
      `sentinel failover-timeout ${primaryName} 10000`,
    ];
    const path = join(folder, "sentinel.conf");
    await writeFile(path, `${config.join("\n")}\n`);
    const sentinel = spawn(program(), [path, "--sentinel"], { cwd: folder, stdio: "ignore" });
    const all = new RedisWithSentinel([primary, replica], sentinel, folder, port);
    // The sentinel must know the replica before it can promote it.
    const client = RedisServer.clientAt(port);
    await until(
      async () => ((await client.call("SENTINEL", "replicas", primaryName)) as unknown[]).length > 0,
      "the sentinel knows the replica",
    ).finally(() => client.disconnect());
    return all;
  }

  /** From here on the replica receives no writes. Nothing else changes. */
  async detachReplica(): Promise<void> {
    await this.primary.command("CONFIG", "SET", "requirepass", "the-replica-does-not-know-it");
    const redis = this.primary.connect("the-replica-does-not-know-it");
    try {
      await redis.call("CLIENT", "KILL", "TYPE", "replica");
    } finally {
      redis.disconnect();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = new Promise((resolve) => this.#sentinel.once("exit", resolve));
    this.#sentinel.kill("SIGKILL");
    await Promise.all([ended, this.primary.close(), this.replica.close()]);
    await rm(this.#folder, { recursive: true, force: true });
  }
}
