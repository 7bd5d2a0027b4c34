import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { onFreePort } from "../../scripts/free-port.js";
import { until } from "../waiting.ts";
import { program, RedisServer } from "./redis.ts";

/** The sentinel's name for the primary. */
const primaryName = "main";

/** A primary, a replica and a sentinel that monitors them. */
export class RedisWithSentinel implements AsyncDisposable {
  readonly primary: RedisServer;
  readonly replica: RedisServer;
  readonly url: string;
  readonly #sentinel: Sentinel;

  private constructor(primary: RedisServer, replica: RedisServer, sentinel: Sentinel) {
    this.primary = primary;
    this.replica = replica;
    this.#sentinel = sentinel;
    this.url = `redis+sentinel://127.0.0.1:${sentinel.port}/${primaryName}`;
  }

  /** @throws Error if one of them does not start. Nothing is left behind then. */
  static async start(): Promise<RedisWithSentinel> {
    await using started = new AsyncDisposableStack();
    const primary = started.use(await RedisServer.start());
    const replica = started.use(await RedisServer.start({ replicaof: `127.0.0.1 ${primary.port}` }));
    await until(
      async () => String(await replica.command("INFO", "replication")).includes("master_link_status:up"),
      "the replica replicates",
    );
    const sentinel = await onFreePort((port) => Sentinel.start(port, primary.port));
    started.move();
    return new RedisWithSentinel(primary, replica, sentinel);
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
    await Promise.all([this.#sentinel.close(), this.primary.close(), this.replica.close()]);
  }
}

class Sentinel {
  readonly port: number;
  readonly #folder = mkdtempSync(join(tmpdir(), "fanfare-sentinel-"));
  readonly #process: Subprocess;

  private constructor(port: number, primaryPort: number) {
    this.port = port;
    const config = [
      `port ${port}`,
      "bind 127.0.0.1",
      `sentinel monitor ${primaryName} 127.0.0.1 ${primaryPort} 1`,
      `sentinel down-after-milliseconds ${primaryName} 1000`,
      `sentinel failover-timeout ${primaryName} 10000`,
    ];
    const path = join(this.#folder, "sentinel.conf");
    writeFileSync(path, `${config.join("\n")}\n`);
    const log = openSync(join(this.#folder, "log"), "w");
    this.#process = Bun.spawn([program(), path, "--sentinel"], { cwd: this.#folder, stdio: ["ignore", log, log] });
    closeSync(log);
  }

  /** Resolves once it knows the replica: then it can promote it. */
  static async start(port: number, primaryPort: number): Promise<Sentinel> {
    const sentinel = new Sentinel(port, primaryPort);
    try {
      await sentinel.#untilReady();
      return sentinel;
    } catch (error) {
      await sentinel.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.exited;
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #untilReady(): Promise<void> {
    const client = RedisServer.clientAt(this.port);
    const isReady = async () => ((await client.call("SENTINEL", "replicas", primaryName)) as unknown[]).length > 0;
    const failed = this.#process.exited.then(() => {
      throw new Error(`the sentinel exited; it printed:\n${readFileSync(join(this.#folder, "log"), "utf8")}`);
    });
    const ready = until(isReady, "the sentinel knows the replica");
    await Promise.race([ready, failed]).finally(() => client.disconnect());
  }
}
