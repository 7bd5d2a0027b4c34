import { getLogger } from "@logtape/logtape";
import type { Redis } from "ioredis";
import { failureOf } from "./failure.ts";
import { RedisUnreachable } from "./unreachable.ts";

/** Channels in one command, so that a hundred thousand of them do not keep the server from everybody else. */
const slice = 500;

export interface SubscriberConnectionEvents {
  /** Everything that is wanted is subscribed. After a break messages may have been missed. */
  onListening(): void;
  onBreak(): void;
  onMessage(channel: string, text: string): void;
}

/**
 * The connection to one Redis primary that messages come over.
 *
 * Knows what is wanted, and subscribes to all of it again on each new connection before it says that it listens.
 */
export class SubscriberConnection {
  readonly #redis: Redis;
  readonly isSharded: boolean;
  readonly #events: SubscriberConnectionEvents;
  readonly #wanted = new Set<string>();
  #isListening = false;
  #generation = 0;

  /** @param isSharded uses SSUBSCRIBE, one channel per command, since a command is for one slot */
  constructor(redis: Redis, isSharded: boolean, events: SubscriberConnectionEvents) {
    this.#redis = redis;
    this.isSharded = isSharded;
    this.#events = events;
    redis.on("ready", () => void this.#subscribeAll());
    redis.on("close", () => this.#lost());
    redis.on("error", () => undefined); // the connection for commands says what is wrong
    redis.on(isSharded ? "smessage" : "message", (channel: string, text: string) => this.#hear(channel, text));
  }

  connect(): void {
    this.#redis.connect().catch(() => undefined); // it goes on trying
  }

  get isListening(): boolean {
    return this.#isListening;
  }

  /** Every channel that is or will be subscribed. */
  get wanted(): ReadonlySet<string> {
    return this.#wanted;
  }

  /**
   * Resolves once they are subscribed. Wanted they are in any case, until they are unsubscribed.
   * @throws RedisUnreachable, or RedisUnusable where the user may not subscribe
   */
  async subscribe(channels: readonly string[]): Promise<void> {
    for (const channel of channels) this.#wanted.add(channel);
    if (!this.#isListening) throw new RedisUnreachable("the connection for subscriptions is not open");
    await this.#subscribe(channels);
  }

  /** What is not listening subscribes to all that is wanted soon anyway. */
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
      // What is wanted may change while the server answers.
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

  /** What another program publishes on our channels, or a bug above, must not cost the connection. */
  #hear(channel: string, text: string): void {
    try {
      this.#events.onMessage(channel, text);
    } catch (error) {
      getLogger(["fanfare", "redis"]).error("A message on {channel} could not be used: {error}", { channel, error });
    }
  }

  #lost(): void {
    this.#generation++;
    if (!this.#isListening) return;
    this.#isListening = false;
    this.#events.onBreak();
  }
}
