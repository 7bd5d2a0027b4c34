import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import type { RedisAddress } from "../../server/lib/redis/address.ts";

/** Settings that a test may choose, with their names in redis.conf. */
export type RedisConfig = Readonly<Record<string, string>>;

/** The settings of every test server: everything in memory, and only warnings in the log. */
const quiet: RedisConfig = { save: "", appendonly: "no", loglevel: "warning", "repl-diskless-sync-delay": "0" };

/** A real redis-server on loopback, with its own folder. */
export class RedisServer implements AsyncDisposable {
  readonly port: number;
  readonly folder: string;
  readonly #config: RedisConfig;
  #process: ChildProcess | undefined;
  #ended: Promise<void> = Promise.resolve();

  private constructor(port: number, folder: string, config: RedisConfig) {
    this.port = port;
    this.folder = folder;
    this.#config = config;
  }

  static async start(config: RedisConfig = {}): Promise<RedisServer> {
    const folder = await mkdtemp(join(tmpdir(), "fanfare-redis-"));
    const server = new RedisServer(await freePort(), folder, config);
    await server.run();
    return server;
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

  /** Starts the server with the data in its folder. */
  async run(more: RedisConfig = {}): Promise<void> {
    const config = { ...quiet, ...this.#config, ...more, port: `${this.port}`, bind: "127.0.0.1", dir: this.folder };
    const args = Object.entries(config).flatMap(([name, value]) => [
      `--${name}`,
      ...(value === "" ? [""] : value.split(" ")),
    ]);
    const child = spawn(program(), args, { stdio: "ignore" });
    this.#process = child;
    this.#ended = new Promise((resolve) => child.once("exit", () => resolve()));
    await this.answers();
  }

  /** Resolves once it answers. */
  async answers(password?: string): Promise<void> {
    const redis = this.connect(password);
    try {
      await redis.ping();
    } finally {
      redis.disconnect();
    }
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
    await this.#ended;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async close(): Promise<void> {
    this.signal("SIGCONT");
    await this.kill();
    await rm(this.folder, { recursive: true, force: true });
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

/** A port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => (typeof address === "object" && address !== null ? resolve(address.port) : reject()));
    });
  });
}
