import type { Clock, Timer } from "../../lib/clock.ts";
import type { Shard } from "../../lib/redis/shard.ts";
import type { RedisStore } from "../../lib/redis/store.ts";
import { RedisUnreachable } from "../../lib/redis/unreachable.ts";
import type { Members } from "./members.ts";
import type { StoredHeartbeats } from "./stored-heartbeats.ts";

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
  readonly heartbeats: StoredHeartbeats;
  /** How much later than usual a server may answer although nothing is wrong, milliseconds. */
  readonly delayMs: number;
  /** Reports after each round whether every server accepts writes and delivers. */
  onResult(failure: Error | undefined): void;
}

/**
 * Publishes to itself on every server, every 2 s. This detects a server that accepts no writes, a subscription that
 * receives nothing although its connection looks alive, and a connection whose packets are dropped. It also tells the other
 * members that this one is alive, and after each connect it reads which others are.
 */
export class Watch {
  readonly #dependencies: WatchDependencies;
  readonly #topics = new Map<Shard, string>();
  readonly #heardAt = new Map<Shard, number>();
  #timer: Timer | undefined;
  #isStarted = false;
  #isClosed = false;

  constructor(dependencies: WatchDependencies) {
    this.#dependencies = dependencies;
  }

  /** Resolves after the first round. */
  async start(): Promise<void> {
    this.#isStarted = true;
    this.#arm();
    await this.#round();
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  /** All connections are new. Called before any other command is sent on them. */
  connected(): void {
    this.#resetDeadlines();
    if (this.#isStarted && !this.#isClosed) void this.#round();
  }

  /** This member leaves. Never rejects. */
  async removeHeartbeats(): Promise<void> {
    const { heartbeats } = this.#dependencies;
    // Where it fails, the others wait for this member as for one that fell silent.
    await Promise.allSettled(Array.from(this.#topics, ([shard, topic]) => heartbeats.remove(shard, topic)));
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

  /** Silence on the old connections does not count. */
  #resetDeadlines(): void {
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
    const [failures] = await Promise.all([
      Promise.all(shards.map((shard) => this.#watch(shard))),
      this.#readHeartbeats(shards),
    ]);
    if (!this.#isClosed) onResult(failures.find((it) => it !== undefined));
  }

  async #watch(shard: Shard): Promise<Error | undefined> {
    const { store, clock, heartbeats, delayMs } = this.#dependencies;
    if (!shard.isUp) return undefined; // the store reports this itself
    const heardAt = this.#heardAt.get(shard);
    if (heardAt !== undefined && clock.monotonic() - heardAt > silentMs + delayMs) {
      this.#heardAt.set(shard, clock.monotonic());
      store.restart(shard);
      return new RedisUnreachable(`${shard.name} does not answer or does not deliver messages`);
    }
    try {
      const topic = this.#topicOf(shard);
      if (topic === undefined) return undefined;
      await Promise.all([heartbeats.write(shard, topic), this.#listen(shard, topic), shard.commands.look()]);
      return undefined;
    } catch (error) {
      store.refresh();
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  async #listen(shard: Shard, topic: string): Promise<void> {
    if (this.#topics.has(shard)) return;
    const { store, clock } = this.#dependencies;
    await store.subscribe([topic]);
    this.#topics.set(shard, topic);
    this.#heardAt.set(shard, clock.monotonic());
  }

  /** Reads the heartbeats of all servers, once per connection. */
  async #readHeartbeats(shards: readonly Shard[]): Promise<void> {
    const { members, heartbeats } = this.#dependencies;
    if (!members.isConnected || members.mayTell) return;
    const reading = shards.map(async (shard) => {
      const topic = this.#topicOf(shard);
      if (topic !== undefined) members.heartbeatsFound(await heartbeats.read(shard, topic));
    });
    try {
      await Promise.all(reading);
      members.heartbeatsRead();
    } catch {
      // It is tried again in the next round. Until then this member answers no queries.
    }
  }

  /** The watch topic of a shard, in one of its slots. A shard without slots has none. */
  #topicOf(shard: Shard): string | undefined {
    const { store, topic } = this.#dependencies;
    return this.#topics.get(shard) ?? store.keyAt(shard, topic);
  }

  #forget(shard: Shard): void {
    const topic = this.#topics.get(shard);
    this.#topics.delete(shard);
    this.#heardAt.delete(shard);
    if (topic !== undefined) this.#dependencies.store.unsubscribe([topic]).catch(() => undefined); // the shard is gone
  }
}
