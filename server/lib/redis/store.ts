import { getLogger } from "@logtape/logtape";
import { backoff } from "../backoff.ts";
import type { Clock, Timer } from "../clock.ts";
import { type RedisAddress, showRedisAddress } from "./address.ts";
import { askSlots } from "./ask-slots.ts";
import { type MakeConnection, makeConnection } from "./connect.ts";
import type { RedisScript } from "./script.ts";
import { Shard } from "./shard.ts";
import { type Host, type SlotRange, slotCount, slotOf, toHost } from "./slots.ts";
import { RedisUnreachable, RedisUnusable } from "./unreachable.ts";

/** How long the first connection may take before the start fails, in milliseconds. */
const startMs = 10_000;
/** How often the slots of a cluster are read. */
const topologyMs = 15_000;

export interface RedisStoreSettings {
  readonly address: RedisAddress;
  /** Loaded on every connection before anything else. */
  readonly scripts: readonly RedisScript[];
  readonly clock: Clock;
  /** How connections are made; `makeConnection` by default. */
  readonly connect?: MakeConnection | undefined;
}

/** Callbacks of a store. They must not throw. */
export interface RedisStoreEvents {
  /** Commands work on all primaries and all channels are subscribed. Also called after each break: messages may have been missed. */
  onUp(): void;
  onDown(reason: string): void;
  /** It is down, and stays so until a person has changed something. Called once per reason. */
  onUnusable?(reason: string): void;
  onMessage(channel: string, text: string): void;
  /** The address has a password, but the server needs none. May be called for each connection. */
  onPasswordIgnored?(): void;
}

/**
 * Redis as one store, whether it is a single server, a primary behind sentinels or a cluster: commands go to the primary that
 * owns the key, subscriptions to the primary that owns the channel.
 *
 * Redirections of a cluster are not followed, because a command that is sent again would overtake later ones. They fail as
 * unreachable, and the slots are read again.
 */
export class RedisStore {
  readonly #settings: RedisStoreSettings;
  readonly #events: RedisStoreEvents;
  readonly #connect: MakeConnection;
  readonly #shards = new Map<string, Shard>();
  /** By slot; a single entry without a cluster. */
  #owners: (Shard | undefined)[] = [undefined];
  /** Channels that were subscribed to while their slot had no primary. */
  #unassigned = new Set<string>();
  /** The last problem that was logged, until the store is up again. */
  #complaint: string | undefined;
  #isUp = false;
  #isClosed = false;
  #failures = 0;
  #timer: Timer | undefined;
  #reading = false;
  /** Whether the slots have to be read again, because the answer that is awaited may be older than the reason. */
  #mustReadAgain = false;
  #started = Promise.withResolvers<void>();
  #lastReason: RedisUnreachable | RedisUnusable | undefined;

  constructor(settings: RedisStoreSettings, events: RedisStoreEvents) {
    this.#settings = settings;
    this.#events = events;
    const { connect = makeConnection } = settings;
    this.#connect = (address, host) => connect(address, host, () => events.onPasswordIgnored?.());
  }

  /** @throws RedisUnusable if an operator must change something, RedisUnreachable if there is no connection within 10 s */
  async start(): Promise<void> {
    const { address, clock } = this.#settings;
    const timeout = clock.setTimeout(() => {
      const place = showRedisAddress(address);
      this.#started.reject(this.#lastReason ?? new RedisUnreachable(`${place} does not answer`));
    }, startMs);
    if (this.#isCluster) void this.#readTopology();
    else this.#openOnly();
    try {
      await this.#started.promise;
    } catch (error) {
      this.close();
      throw error;
    } finally {
      timeout.cancel();
    }
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  /** The publish command that reaches channels subscribed through `subscribe`, for scripts. */
  get publishVerb(): "PUBLISH" | "SPUBLISH" {
    const [shard] = this.#shards.values();
    return shard?.subscriber?.isSharded === true ? "SPUBLISH" : "PUBLISH";
  }

  /** All current primaries. */
  get shards(): readonly Shard[] {
    return Array.from(this.#shards.values());
  }

  /** The primary that owns the key. @throws RedisUnreachable */
  shardOf(key: string): Shard {
    const shard = this.#ownerOf(key);
    if (shard === undefined) throw new RedisUnreachable("no primary is currently known for this key");
    return shard;
  }

  /** A key with this prefix that the shard owns; undefined if it owns no slot. */
  keyAt(shard: Shard, prefix: string): string | undefined {
    if (!this.#isCluster) return prefix;
    // 100,000 tries find a slot even for a shard with one slot in a thousand, and take a few ms once per shard.
    for (let n = 0; n < 100_000; n++) {
      const key = `${prefix}{${n}}`;
      if (this.#owners[slotOf(key)] === shard) return key;
    }
    return undefined;
  }

  /** @throws RedisUnreachable if a channel cannot be subscribed now. It will be later, unless it is unsubscribed */
  async subscribe(channels: readonly string[]): Promise<void> {
    await Promise.all(
      Array.from(this.#byShard(channels), async ([shard, some]) => {
        if (shard?.subscriber !== undefined) return shard.subscriber.subscribe(some);
        for (const channel of some) this.#unassigned.add(channel);
        throw new RedisUnreachable("no primary is currently known for this channel");
      }),
    );
  }

  async unsubscribe(channels: readonly string[]): Promise<void> {
    for (const channel of channels) this.#unassigned.delete(channel);
    await Promise.all(Array.from(this.#byShard(channels), ([shard, some]) => shard?.subscriber?.unsubscribe(some)));
  }

  /** Reopens the connections to a shard that look open but do not deliver or answer. */
  restart(shard: Shard): void {
    shard.commands.restart();
    shard.subscriber?.restart();
    this.refresh();
  }

  /** Reads the slots of a cluster again soon. */
  refresh(): void {
    if (!this.#isCluster) return;
    if (this.#reading) this.#mustReadAgain = true;
    else this.#schedule(0);
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
    for (const shard of this.#shards.values()) shard.close();
  }

  get #isCluster(): boolean {
    return this.#settings.address.kind === "cluster";
  }

  #ownerOf(key: string): Shard | undefined {
    return this.#owners[this.#isCluster ? slotOf(key) : 0];
  }

  #byShard(channels: readonly string[]): Map<Shard | undefined, string[]> {
    return Map.groupBy(channels, (channel) => this.#ownerOf(channel));
  }

  #openOnly(): void {
    const [host] = this.#settings.address.hosts;
    if (host === undefined) throw new Error("an address without a host");
    this.#owners = [this.#open(host)];
  }

  #open(host: Host): Shard {
    const { address, scripts, clock } = this.#settings;
    const shard = new Shard(
      { address, host, scripts, clock, connect: this.#connect },
      {
        onUp: (it) => this.#shardUp(it),
        onDown: (it, reason) => this.#shardDown(it, reason),
        onMessage: this.#events.onMessage,
      },
    );
    this.#shards.set(shard.name, shard);
    shard.connect();
    return shard;
  }

  #shardUp(shard: Shard): void {
    if (this.#isClosed) return;
    this.#settle(shard);
    if (!this.#owners.every((it) => it?.isUp === true)) return;
    this.#isUp = true;
    this.#complaint = undefined;
    this.#started.resolve();
    this.#events.onUp();
  }

  #shardDown(shard: Shard, reason: RedisUnreachable | RedisUnusable | undefined): void {
    if (this.#isClosed) return;
    if (reason !== undefined) this.#lastReason = reason;
    // At the start a person is told at once; later the same error may come from a server that is being repaired.
    if (reason instanceof RedisUnusable) {
      this.#started.reject(reason);
      if (reason.message !== this.#complaint) this.#events.onUnusable?.(reason.message);
      this.#complaint = reason.message;
    }
    this.refresh();
    this.#down(reason?.message ?? `the subscriptions at ${shard.name} were lost`);
  }

  #down(reason: string): void {
    if (!this.#isUp) return;
    this.#isUp = false;
    this.#events.onDown(reason);
  }

  /** Subscribes to channels that were requested before the shard was available. */
  #settle(shard: Shard): void {
    const some = Array.from(this.#unassigned).filter((it) => this.#ownerOf(it) === shard);
    if (some.length === 0) return;
    for (const channel of some) this.#unassigned.delete(channel);
    shard.subscriber?.subscribe(some).catch(() => undefined); // a break subscribes to them again
  }

  #schedule(ms: number): void {
    this.#timer?.cancel();
    if (!this.#isClosed) this.#timer = this.#settings.clock.setTimeout(() => void this.#readTopology(), ms);
  }

  async #readTopology(): Promise<void> {
    this.#reading = true;
    this.#mustReadAgain = false;
    try {
      const known = Array.from(this.#shards.keys(), toHost);
      const { address } = this.#settings;
      this.#applyTopology(await askSlots(address, [...known, ...address.hosts], this.#connect));
      this.#failures = 0;
    } catch (error) {
      this.#failures++;
      if (error instanceof RedisUnusable) this.#started.reject(error);
      else if (error instanceof RedisUnreachable) this.#lastReason = error;
      getLogger(["fanfare", "redis"]).debug("Could not read the slots of the cluster: {error}", { error });
    } finally {
      this.#reading = false;
    }
    this.#schedule(
      this.#isUp && !this.#mustReadAgain ? topologyMs : backoff(this.#failures + 1, { firstMs: 100, maxMs: 2000 }),
    );
  }

  /** Opens new primaries, closes those that are primaries no more, and moves subscriptions to the owners of their slots. */
  #applyTopology(ranges: readonly SlotRange[]): void {
    if (this.#isClosed) return;
    const owners: (Shard | undefined)[] = new Array(slotCount).fill(undefined);
    const kept = new Set<Shard>();
    for (const { first, last, primary } of ranges) {
      const shard = this.#shards.get(`${primary.host}:${primary.port}`) ?? this.#open(primary);
      kept.add(shard);
      owners.fill(shard, first, last + 1);
    }
    this.#owners = owners;
    for (const [name, shard] of this.#shards) {
      const moved = Array.from(shard.subscriber?.wanted ?? []).filter((it) => this.#ownerOf(it) !== shard);
      for (const channel of moved) this.#unassigned.add(channel);
      if (!kept.has(shard)) {
        this.#shards.delete(name);
        shard.close();
      } else if (moved.length > 0) {
        shard.subscriber?.unsubscribe(moved).catch(() => undefined); // a break ends them too
      }
    }
    for (const shard of kept) if (shard.isUp) this.#settle(shard);
    if (!this.#owners.every((it) => it?.isUp === true)) this.#down("the cluster has a new primary");
  }
}
