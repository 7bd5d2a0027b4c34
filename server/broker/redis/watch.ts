import type { Clock, Timer } from "../../lib/clock.ts";
import type { Shard } from "../../lib/redis/shard.ts";
import type { RedisStore } from "../../lib/redis/store.ts";
import { RedisUnreachable } from "../../lib/redis/unreachable.ts";
import type { Members } from "./members.ts";

/** How often each server is checked. */
const everyMs = 2000;
/** A connection that delivers nothing for this long is replaced. */
const silentMs = 4000;

export interface WatchDependencies {
  readonly self: string;
  readonly store: RedisStore;
  readonly members: Members;
  readonly clock: Clock;
  /** The prefix of all watch topics. */
  readonly topic: string;
  /** Runs watch.lua on a shard. */
  write(shard: Shard, topic: string, text: string): Promise<unknown>;
  /** Reports after each round whether every server accepts writes and delivers. */
  onResult(failure: Error | undefined): void;
}

/**
 * Publishes to itself on every server, every 2 s. This detects a server that accepts no writes, a subscription that
 * receives nothing although its connection looks alive, and a connection whose packets are dropped. It also tells the other
 * members that this one is alive.
 */
export class Watch {
  readonly #dependencies: WatchDependencies;
  readonly #topics = new Map<Shard, string>();
  readonly #heardAt = new Map<Shard, number>();
  #timer: Timer | undefined;
  #isClosed = false;

  constructor(dependencies: WatchDependencies) {
    this.#dependencies = dependencies;
  }

  start(): void {
    this.#arm();
    void this.#round();
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  /** Whether this is a watch topic. */
  isOwn(topic: string): boolean {
    return topic.startsWith(this.#dependencies.topic);
  }

  handleMessage(topic: string, text: string): void {
    const { self, members } = this.#dependencies;
    const [, member = ""] = text.split(" ");
    if (member !== self) members.heardFrom(member);
    else this.#handleOwnMessage(topic);
  }

  #handleOwnMessage(topic: string): void {
    const { members, clock } = this.#dependencies;
    members.heardFromSelf();
    for (const [shard, it] of this.#topics) if (it === topic) this.#heardAt.set(shard, clock.monotonic());
  }

  /** All connections are new, so silence on the old ones does not count. */
  resetDeadlines(): void {
    const now = this.#dependencies.clock.monotonic();
    for (const shard of this.#heardAt.keys()) this.#heardAt.set(shard, now);
  }

  #arm(): void {
    if (this.#isClosed) return;
    this.#timer = this.#dependencies.clock.setTimeout(() => {
      this.#arm();
      void this.#round();
    }, everyMs);
  }

  async #round(): Promise<void> {
    const { store, onResult } = this.#dependencies;
    const shards = store.shards;
    for (const shard of this.#topics.keys()) if (!shards.includes(shard)) this.#forget(shard);
    const failures = await Promise.all(shards.map((shard) => this.#watch(shard)));
    if (!this.#isClosed) onResult(failures.find((it) => it !== undefined));
  }

  async #watch(shard: Shard): Promise<Error | undefined> {
    const { self, store, clock, write } = this.#dependencies;
    if (!shard.isUp) return undefined; // the store reports this itself
    const heardAt = this.#heardAt.get(shard);
    if (heardAt !== undefined && clock.monotonic() - heardAt > silentMs) {
      this.#heardAt.set(shard, clock.monotonic());
      store.restart(shard);
      return new RedisUnreachable(`${shard.name} does not answer or does not deliver messages`);
    }
    try {
      const topic = this.#topics.get(shard) ?? (await this.#choose(shard));
      if (topic === undefined) return undefined;
      await Promise.all([write(shard, topic, `here ${self}`), shard.commands.look()]);
      return undefined;
    } catch (error) {
      store.refresh();
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  /** Chooses a topic in one of the shard's slots and subscribes to it. A shard without slots has none. */
  async #choose(shard: Shard): Promise<string | undefined> {
    const { store, topic, clock } = this.#dependencies;
    const chosen = store.keyAt(shard, topic);
    if (chosen === undefined) return undefined;
    await store.subscribe([chosen]);
    this.#topics.set(shard, chosen);
    this.#heardAt.set(shard, clock.monotonic());
    return chosen;
  }

  #forget(shard: Shard): void {
    const topic = this.#topics.get(shard);
    this.#topics.delete(shard);
    this.#heardAt.delete(shard);
    if (topic !== undefined) this.#dependencies.store.unsubscribe([topic]).catch(() => undefined); // the shard is gone
  }
}
