import type { Clock, Timer } from "../../lib/clock.ts";
import type { Shard } from "../../lib/redis/shard.ts";
import type { RedisStore } from "../../lib/redis/store.ts";
import { RedisUnreachable } from "../../lib/redis/unreachable.ts";
import type { Companions } from "./companions.ts";

/** How often each server is watched. */
const everyMs = 2000;
/** A server that has not answered or delivered for so long is connected to anew. */
const deafMs = 4000;

export interface WatchDependencies {
  readonly self: string;
  readonly store: RedisStore;
  readonly companions: Companions;
  readonly clock: Clock;
  /** The name of a watch topic begins with it. */
  readonly topic: string;
  /** Runs watch.lua on a shard. */
  write(shard: Shard, topic: string, text: string): Promise<unknown>;
  /** Whether every server takes writes and delivers. Called for every round. */
  onResult(failure: Error | undefined): void;
}

/**
 * Publishes to itself on every server, every 2 s: so a server that takes no writes, a subscription that is deaf although
 * its connection looks alive, and a connection whose packets are dropped are found. The others hear that this one lives.
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

  /** The others need not wait until they miss this one. */
  async leave(): Promise<void> {
    const { self, write } = this.#dependencies;
    await Promise.all(Array.from(this.#topics, ([shard, topic]) => write(shard, topic, `bye ${self}`)));
  }

  /** Whether a topic is one of the watch. */
  isOwn(topic: string): boolean {
    return topic.startsWith(this.#dependencies.topic);
  }

  hear(topic: string, text: string): void {
    const { self, companions, clock } = this.#dependencies;
    const [word, member = ""] = text.split(" ");
    if (word === "bye") companions.left(member);
    else if (member !== self) companions.heard(member);
    else for (const [shard, it] of this.#topics) if (it === topic) this.#heardAt.set(shard, clock.monotonic());
  }

  /** Every connection is a new one: what was not heard over the old ones says nothing. */
  forgive(): void {
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
    if (!shard.isUp) return undefined; // the store says so itself
    const heardAt = this.#heardAt.get(shard);
    if (heardAt !== undefined && clock.monotonic() - heardAt > deafMs) {
      this.#heardAt.set(shard, clock.monotonic());
      store.restart(shard);
      return new RedisUnreachable(`${shard.name} does not answer, or does not deliver`);
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

  /** A topic that this shard has: on a cluster it depends on the slots, and a shard without slots has none. */
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
    if (topic !== undefined) this.#dependencies.store.unsubscribe([topic]).catch(() => undefined); // it is gone
  }
}
