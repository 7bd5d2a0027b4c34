import { closeSync, existsSync, openSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { Redis } from "ioredis";
import { onFreePort } from "../../scripts/free-port.js";
import type { RedisAddress } from "../../server/lib/redis/address.ts";
import { until } from "../waiting.ts";

/** Settings that a test may choose, with their names in redis.conf. */
export type RedisConfig = Readonly<Record<string, string>>;

/** The settings of every test server: everything in memory, and only warnings in the log. */
const quiet: RedisConfig = { save: "", appendonly: "no", loglevel: "warning", "repl-diskless-sync-delay": "0" };

/** A real redis-server on loopback, with its own folder. */
export class RedisServer implements AsyncDisposable {
  readonly port: number;
  readonly folder: string;
  readonly #config: RedisConfig;
  #process: Subprocess | undefined;

  private constructor(port: number, folder: string, config: RedisConfig) {
    this.port = port;
    this.folder = folder;
    this.#config = config;
  }

  /** @throws Error with its output if it does not start. It has left nothing behind then. */
  static start(config: RedisConfig = {}): Promise<RedisServer> {
    return onFreePort(async (port) => {
      const folder = await mkdtemp(join(tmpdir(), "fanfare-redis-"));
      const server = new RedisServer(port, folder, config);
      try {
        await server.run();
        return server;
      } catch (error) {
        await server.close();
        throw error;
      }
    });
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  get address(): RedisAddress {
    const hosts = [{ host: "127.0.0.1", port: this.port }];
    return {
      kind: "single",
      hosts,
      username: undefined,
      password: undefined,
      db: 0,
      hasTls: false,
      primaryName: undefined,
    };
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  /** Starts the server with the data in its folder. @throws Error with its output if it does not answer */
  async run(more: RedisConfig = {}): Promise<void> {
    const config = { ...quiet, ...this.#config, ...more, port: `${this.port}`, bind: "127.0.0.1", dir: this.folder };
    const args = Object.entries(config).flatMap(([name, value]) => [
      `--${name}`,
      ...(value === "" ? [""] : value.split(" ")),
    ]);
    const log = openSync(join(this.folder, "log"), "w");
    this.#process = Bun.spawn([program(), ...args], { stdio: ["ignore", log, log] });
    closeSync(log);
    await this.#untilItAnswers(this.#process);
  }

  /** A plain client for the test. */
  connect(password?: string): Redis {
    return RedisServer.clientAt(this.port, password);
  }

  /** The same for any program with Redis's protocol, such as a sentinel. */
  static clientAt(port: number, password?: string): Redis {
    const redis = new Redis({
      port,
      protocol: 2,
      maxRetriesPerRequest: null,
      retryStrategy: () => 20,
      ...(password === undefined ? {} : { password }),
    });
    redis.on("error", () => undefined);
    return redis;
  }

  /** Runs one command. */
  async command(...words: readonly [string, ...(string | number)[]]): Promise<unknown> {
    const redis = this.connect();
    try {
      const [name, ...args] = words;
      return await redis.call(name, ...args);
    } finally {
      redis.disconnect();
    }
  }

  get isRunning(): boolean {
    return this.#process?.exitCode === null && this.#process.signalCode === null;
  }

  signal(signal: NodeJS.Signals): void {
    this.#process?.kill(signal);
  }

  /** Kills the server, as in a power cut. */
  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.#process?.exited;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async close(): Promise<void> {
    this.signal("SIGCONT");
    await this.kill();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** If the port was taken, another server may answer on it until this one has exited. */
  async #untilItAnswers({ pid, exited }: Subprocess): Promise<void> {
    const redis = this.connect();
    const isUp = async () => String(await redis.info("server")).includes(`process_id:${pid}\r`);
    const failed = exited.then(() => {
      throw new Error(`redis-server exited; it printed:\n${readFileSync(join(this.folder, "log"), "utf8")}`);
    });
    await Promise.race([until(isUp, "redis-server answers"), failed]).finally(() => redis.disconnect());
  }
}

/** @throws Error if it is not installed; `npm test` provides it */
export function program(): string {
  const named = process.env.FANFARE_REDIS_SERVER;
  if (named !== undefined) return named;
  for (const path of ["/usr/bin/redis-server", "/usr/local/bin/redis-server", "/opt/homebrew/bin/redis-server"]) {
    if (existsSync(path)) return path;
  }
  throw new Error("redis-server is not installed: run npm test, which installs it or says how to");
}
