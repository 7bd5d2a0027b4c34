import type { Redis } from "ioredis";
import type { Clock } from "../clock.ts";
import { type Failure, failureOf } from "./failure.ts";
import type { RedisScript } from "./script.ts";
import { checkServer, parseServerInfo, type ServerInfo } from "./server-info.ts";
import { RedisUnreachable, type RedisUnusable } from "./unreachable.ts";

/** Callbacks of a connection. They must not throw. */
export interface CommandConnectionEvents {
  /** The server's replication id is known and the scripts are loaded: commands work from here on. */
  onUp(info: ServerInfo): void;
  /** Commands fail until the next `onUp`. Also called when a first connection fails, once per attempt. */
  onDown(reason: RedisUnreachable | RedisUnusable): void;
}

export interface CommandConnectionSettings {
  /** Its address, for messages. */
  readonly server: string;
  /** Whether it has to be a node of a cluster, or must not be one. */
  readonly wantsCluster: boolean;
  readonly scripts: readonly RedisScript[];
  readonly clock: Clock;
}

/**
 * The command connection to one Redis primary.
 *
 * Invariant: while it is up, `replicationId` identifies the run of the server that it is connected to. It is read before any other
 * command on each new connection. Commands in flight fail when the connection breaks; none is ever sent twice.
 */
export class CommandConnection {
  readonly server: string;
  readonly #redis: Redis;
  readonly #wantsCluster: boolean;
  readonly #scripts: readonly RedisScript[];
  readonly #events: CommandConnectionEvents;
  readonly #clock: Clock;
  #info: ServerInfo | undefined;
  /** Counts connections, so that work that began on one connection does not continue on the next. */
  #generation = 0;
  /** The server's time when it was last read, and our monotonic time then. */
  #time = { server: 0, own: 0 };

  /** @param redis lazy, without an offline queue */
  constructor(
    redis: Redis,
    { server, wantsCluster, scripts, clock }: CommandConnectionSettings,
    events: CommandConnectionEvents,
  ) {
    this.server = server;
    this.#redis = redis;
    this.#wantsCluster = wantsCluster;
    this.#scripts = scripts;
    this.#clock = clock;
    this.#events = events;
    redis.on("ready", () => void this.#prepare());
    redis.on("close", () => this.#handleClose(new RedisUnreachable(`the connection to ${server} is closed`)));
    redis.on("error", (error: unknown) => {
      if (this.#info !== undefined) return;
      const cause = error instanceof Error ? error : new Error(String(error));
      events.onDown(failureOf(cause, server)?.error ?? new RedisUnreachable(`${server}: ${cause.message}`, { cause }));
    });
  }

  connect(): void {
    this.#redis.connect().catch(() => undefined); // reported by the error event
  }

  get isUp(): boolean {
    return this.#info !== undefined;
  }

  /** The replication id of the server, see ServerInfo. Empty while it is not up. */
  get replicationId(): string {
    return this.#info?.replicationId ?? "";
  }

  /** The server's current time as estimated here, milliseconds since 1970. */
  get serverTime(): number {
    return this.#time.server + (this.#clock.monotonic() - this.#time.own);
  }

  /** @throws RedisUnreachable, RedisUnusable */
  run(script: RedisScript, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    return this.#attempt(() => this.#redis.evalsha(script.sha, keys.length, ...keys, ...args));
  }

  /** Runs a command that is not a script. @throws as `run` */
  call(command: string, ...args: readonly (string | number)[]): Promise<unknown> {
    return this.#attempt(() => this.#redis.call(command, ...args));
  }

  /** Reads replication id and time again, to detect a server that was replaced behind an open connection. */
  async look(): Promise<void> {
    const generation = this.#generation;
    const info = parseServerInfo(await this.#attempt(() => this.#redis.info()));
    await this.#attempt(() => this.#readTime());
    if (generation !== this.#generation || this.#info === undefined) return;
    if (info.replicationId === this.#info.replicationId && info.isPrimary) return;
    this.restart();
  }

  /** Closes this connection and opens another: commands in flight fail. */
  restart(): void {
    this.#redis.disconnect(true);
  }

  close(): void {
    this.#generation++;
    this.#info = undefined;
    this.#redis.disconnect();
  }

  async #attempt<T>(ask: () => Promise<T>): Promise<T> {
    if (this.#info === undefined) throw new RedisUnreachable(`${this.server} is not connected`);
    try {
      return await ask();
    } catch (cause) {
      const { error, needsReconnect } = this.#failureOf(cause);
      if (needsReconnect) this.restart();
      throw error;
    }
  }

  async #prepare(): Promise<void> {
    const generation = ++this.#generation;
    try {
      const info = parseServerInfo(await this.#redis.info());
      checkServer(info, this.server, this.#wantsCluster);
      await Promise.all(this.#scripts.map(({ lua }) => this.#redis.script("LOAD", lua)));
      await this.#readTime();
      if (generation !== this.#generation) return;
      this.#info = info;
      this.#events.onUp(info);
    } catch (cause) {
      if (generation !== this.#generation) return;
      this.#events.onDown(this.#failureOf(cause).error);
      this.restart();
    }
  }

  async #readTime(): Promise<void> {
    const [seconds, microseconds] = await this.#redis.time();
    this.#time = { server: Number(seconds) * 1000 + Number(microseconds) / 1000, own: this.#clock.monotonic() };
  }

  #handleClose(reason: RedisUnreachable): void {
    this.#generation++;
    if (this.#info === undefined) return;
    this.#info = undefined;
    this.#events.onDown(reason);
  }

  /** @throws the cause, if it is not an error of Redis */
  #failureOf(cause: unknown): Failure {
    const failure = failureOf(cause, this.server);
    if (failure === undefined) throw cause;
    return failure;
  }
}
