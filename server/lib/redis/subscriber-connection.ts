import { getLogger } from "@logtape/logtape";
import type { Redis } from "ioredis";
import { failureOf } from "./failure.ts";
import { RedisUnreachable } from "./unreachable.ts";

/** Channels per command, so that subscribing to a hundred thousand does not block the server for others. */
const slice = 500;

export interface SubscriberConnectionEvents {
  /** All wanted channels are subscribed. After a break, messages may have been missed. */
  onListening(): void;
  onBreak(): void;
  onMessage(channel: string, text: string): void;
}

/**
 * The connection to one Redis primary for subscriptions.
 *
 * Keeps the set of wanted channels, and subscribes to all of them on each new connection before `onListening`.
 */
export class SubscriberConnection {
  readonly #redis: Redis;
  readonly isSharded: boolean;
  readonly #events: SubscriberConnectionEvents;
  readonly #wanted = new Set<string>();
  #isListening = false;
  #generation = 0;

  /** @param isSharded uses SSUBSCRIBE with one channel per command, since a command may only address one slot */
  constructor(redis: Redis, isSharded: boolean, events: SubscriberConnectionEvents) {
    this.#redis = redis;
    this.isSharded = isSharded;
    this.#events = events;
    redis.on("ready", () => void this.#subscribeAll());
    redis.on("close", () => this.#handleClose());
    redis.on("error", () => undefined); // the command connection reports errors
    redis.on(isSharded ? "smessage" : "message", (channel: string, text: string) => this.#receive(channel, text));
  }

  connect(): void {
    this.#redis.connect().catch(() => undefined); // it keeps retrying
  }

  get isListening(): boolean {
    return this.#isListening;
  }

  /** All channels that are or will be subscribed. */
  get wanted(): ReadonlySet<string> {
    return this.#wanted;
  }

  /**
   * Resolves once they are subscribed. They stay wanted until they are unsubscribed, even if this fails.
   * @throws RedisUnreachable, or RedisUnusable where the user may not subscribe
   */
  async subscribe(channels: readonly string[]): Promise<void> {
    for (const channel of channels) this.#wanted.add(channel);
    if (!this.#isListening) throw new RedisUnreachable("the connection for subscriptions is not open");
    await this.#subscribe(channels);
  }

  /** Adds channels without waiting: a connection that is not listening subscribes to all wanted channels soon. */
  want(channels: Iterable<string>): void {
    for (const channel of channels) this.#wanted.add(channel);
  }

  async unsubscribe(channels: readonly string[]): Promise<void> {
    for (const channel of channels) this.#wanted.delete(channel);
    if (!this.#isListening) return;
    await this.#inSlices(channels, (some) =>
      this.isSharded ? this.#redis.sunsubscribe(...some) : this.#redis.unsubscribe(...some),
    );
  }

  /** Closes this connection and opens another. */
  restart(): void {
    this.#redis.disconnect(true);
  }

  close(): void {
    this.#generation++;
    this.#isListening = false;
    this.#redis.disconnect();
  }

  async #subscribeAll(): Promise<void> {
    const generation = ++this.#generation;
    const subscribed = new Set<string>();
    try {
      // The wanted channels may change while the server answers.
      for (let missing = Array.from(this.#wanted); missing.length > 0; ) {
        await this.#subscribe(missing);
        for (const channel of missing) subscribed.add(channel);
        missing = Array.from(this.#wanted).filter((it) => !subscribed.has(it));
      }
    } catch {
      if (generation === this.#generation) this.restart();
      return;
    }
    if (generation !== this.#generation) return;
    this.#isListening = true;
    const left = Array.from(subscribed).filter((it) => !this.#wanted.has(it));
    if (left.length > 0) this.unsubscribe(left).catch(() => undefined); // a break ends the subscriptions anyway
    this.#events.onListening();
  }

  async #subscribe(channels: readonly string[]): Promise<void> {
    try {
      await this.#inSlices(channels, (some) =>
        this.isSharded ? this.#redis.ssubscribe(...some) : this.#redis.subscribe(...some),
      );
    } catch (cause) {
      throw failureOf(cause, "Redis")?.error ?? new RedisUnreachable("the subscription failed", { cause });
    }
  }

  async #inSlices(channels: readonly string[], run: (some: string[]) => Promise<unknown>): Promise<void> {
    const size = this.isSharded ? 1 : slice;
    const steps: Promise<unknown>[] = [];
    for (let from = 0; from < channels.length; from += size) {
      steps.push(run(channels.slice(from, from + size)));
      if (steps.length >= slice) await Promise.all(steps.splice(0));
    }
    await Promise.all(steps);
  }

  /** Neither a message of another program on our channels nor a bug in a callback may break the connection. */
  #receive(channel: string, text: string): void {
    try {
      this.#events.onMessage(channel, text);
    } catch (error) {
      getLogger(["fanfare", "redis"]).error("A message on {channel} could not be used: {error}", { channel, error });
    }
  }

  #handleClose(): void {
    this.#generation++;
    if (!this.#isListening) return;
    this.#isListening = false;
    this.#events.onBreak();
  }
}
