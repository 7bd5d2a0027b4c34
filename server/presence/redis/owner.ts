import { getLogger } from "@logtape/logtape";
import type { ChannelName } from "../../../protocol/channel-name.ts";
import type { Clock } from "../../lib/clock.ts";
import { randomId } from "../../lib/random-id.ts";
import type { Shard } from "../../lib/redis/shard.ts";
import type { RedisStore } from "../../lib/redis/store.ts";
import type { PresenceKeys } from "./keys.ts";
import type { PresenceScripts } from "./scripts.ts";

/** How long an owner may be silent. It sends three heartbeats in this time. */
export const defaultExpiryMs = 6000;
/** How long the others may take to store their presences again, once they have noticed that Redis lost its data. */
const restoreMs = 1500;
/** How long the position of an empty channel is kept. */
export const emptyMs = 3_600_000;
/** How long the presences of a worker that stops remain: its clients may be on their way to another one. */
const orphanMs = 3000;
/** A worker that does not finish the removal of a dead owner leaves it to another one after this time. */
const claimMs = 5000;

export interface OwnerParts {
  readonly store: RedisStore;
  readonly scripts: PresenceScripts;
  readonly keys: PresenceKeys;
  readonly clock: Clock;
  readonly expiryMs: number;
}

/**
 * The name under which this worker holds presences in Redis, kept alive by one heartbeat per primary, whatever the number of
 * presences.
 *
 * Whenever Redis may have lost some, the worker becomes another owner and stores all of them again under its new name; what is
 * left under the former name is removed like that of a dead worker.
 */
export class Owner {
  /** Set by its user. Presences of a dead owner were removed. @param message of remove.lua */
  onRemoved: (channel: ChannelName, message: string) => void = () => undefined;
  readonly #name = randomId(9);
  /** Counts the names. A command that arrives late, under a former name, changes nothing that this one has stored. */
  #generation = 1;
  readonly #parts: OwnerParts;
  /** The channels in which this owner may have presences. */
  readonly #channels = new Set<ChannelName>();
  /** The primaries that have had a heartbeat of this owner, and the replication id they had. */
  readonly #lives = new Map<string, string>();
  /** By primary, like `#lives`: when this owner expires there, in the time of that server. */
  readonly #expiresAt = new Map<string, number>();
  readonly #rebuildMs: number;
  #mustChangeId = false;
  #beatAt = Number.NEGATIVE_INFINITY;

  constructor(parts: OwnerParts) {
    this.#parts = parts;
    this.#rebuildMs = parts.expiryMs / 3 + restoreMs; // the others notice with their next heartbeat
  }

  get id(): string {
    return `${this.#name}.${this.#generation}`;
  }

  /** Whether the others still consider this owner alive. If not, nothing may be stored under its name. */
  get isAlive(): boolean {
    const { clock, expiryMs } = this.#parts;
    return clock.monotonic() - this.#beatAt < expiryMs * 0.8;
  }

  /** When this owner expires on a primary, if it sends no further heartbeat: in the time of that server, milliseconds. */
  expiresAt(shard: Shard): number {
    return this.#expiresAt.get(this.#baseAt(shard) ?? "") ?? 0;
  }

  /**
   * Runs a command. If its connection breaks meanwhile, Redis may receive it after commands that were sent later. So this
   * worker becomes another owner with the next heartbeat, and presences that the command stores are removed.
   */
  async run<T>({ commands }: Shard, command: () => Promise<T>): Promise<T> {
    const wasUp = commands.isUp;
    try {
      return await command();
    } catch (error) {
      if (wasUp) this.#mustChangeId = true;
      throw error;
    }
  }

  /** Registers that this owner has presences in the channel, before it has. */
  async enter(channel: ChannelName): Promise<void> {
    if (this.#channels.has(channel)) return;
    const { store, keys } = this.#parts;
    const id = this.id;
    const key = keys.channelsOf(id);
    await store.shardOf(key).commands.call("SADD", key, channel);
    if (id === this.id) this.#channels.add(channel); // or else the list is that of the former owner
  }

  /** This owner has no presences in the channel any more. */
  async leave(channel: ChannelName): Promise<void> {
    if (!this.#channels.delete(channel)) return;
    const { store, keys } = this.#parts;
    const key = keys.channelsOf(this.id);
    const shard = store.shardOf(key);
    await this.run(shard, () => shard.commands.call("SREM", key, channel));
  }

  /**
   * Sends a heartbeat to all primaries, and removes owners that have died.
   * @returns whether presences of this owner may be lost: then it has another id now
   */
  async beat(): Promise<boolean> {
    const startedAt = this.#parts.clock.monotonic();
    const answers = await Promise.all(this.#parts.store.shards.map((shard) => this.#beatAtShard(shard)));
    if (answers.some(({ isLost }) => isLost)) this.#mustChangeId = true;
    if (this.#mustChangeId) {
      await this.#changeId(); // if it fails, the next heartbeat does it
      this.#mustChangeId = false;
      return true;
    }
    this.#beatAt = startedAt;
    for (const dead of new Set(answers.flatMap((it) => it.dead))) void this.#quietly(this.#removeDead(dead));
    return false;
  }

  /** Whether the primary of this channel has all presences. @returns otherwise how long that may take, milliseconds */
  async missingFor(shard: Shard): Promise<number> {
    const base = this.#baseAt(shard);
    if (base === undefined) return 0;
    const [isAlive, leftMs] = await Promise.all([
      shard.commands.call("EXISTS", `${base}:alive:${this.id}`),
      shard.commands.call("PTTL", `${base}:rebuilding`),
    ]);
    return isAlive === 1 ? Math.max(0, Number(leftMs)) : this.#rebuildMs;
  }

  /** The worker stops. Others remove its remaining presences soon. */
  async close(): Promise<void> {
    const { store, keys } = this.#parts;
    const isEmpty = this.#channels.size === 0;
    await this.#quietly(
      Promise.all(
        store.shards.map(async (shard) => {
          const base = this.#baseAt(shard);
          if (base === undefined) return;
          if (!isEmpty) await shard.commands.call("PEXPIRE", `${base}:alive:${this.id}`, orphanMs);
          else {
            await shard.commands.call("SREM", `${base}:owners`, this.id);
            await shard.commands.call("DEL", `${base}:alive:${this.id}`);
          }
        }),
      ),
    );
    if (isEmpty) await this.#quietly(this.#delete(keys.channelsOf(this.id)));
  }

  async #beatAtShard(shard: Shard): Promise<{ readonly isLost: boolean; readonly dead: readonly string[] }> {
    const { scripts, expiryMs } = this.#parts;
    const base = this.#baseAt(shard);
    if (base === undefined) return { isLost: false, dead: [] };
    const { replicationId } = shard.commands;
    const known = this.#lives.get(base);
    const keys = [`${base}:owners`, `${base}:alive:${this.id}`, `${base}:life`, `${base}:rebuilding`];
    const isAgain = known === undefined ? 0 : 1;
    const args = [this.id, expiryMs, isAgain, `${base}:alive:`, this.#rebuildMs, `${base}:claim:`, claimMs];
    const answer = await shard.commands.run(scripts.beat, keys, args);
    const [wasAlive, hasData, dead, expiresAt] = answer as readonly [number, number, readonly string[], number];
    this.#lives.set(base, replicationId);
    this.#expiresAt.set(base, expiresAt);
    const isLost = known !== undefined && (wasAlive === 0 || hasData === 0 || known !== replicationId);
    if (isLost && known !== replicationId)
      await shard.commands.call("SET", `${base}:rebuilding`, "1", "PX", this.#rebuildMs);
    return { isLost, dead };
  }

  /** Becomes another owner. The former owner counts as dead once this one has taken over its presences. */
  async #changeId(): Promise<void> {
    const { store, keys, expiryMs } = this.#parts;
    const former = this.id;
    const channels = Array.from(this.#channels);
    for (const shard of store.shards) {
      const base = this.#baseAt(shard);
      if (base === undefined) continue;
      await shard.commands.call("SET", `${base}:alive:${former}`, "1", "PX", expiryMs);
      await shard.commands.call("SADD", `${base}:owners`, former);
    }
    const key = keys.channelsOf(former);
    for (let at = 0; at < channels.length; at += 500) {
      await store.shardOf(key).commands.call("SADD", key, ...channels.slice(at, at + 500));
    }
    this.#generation++;
    this.#channels.clear();
    this.#lives.clear();
    this.#expiresAt.clear();
    await Promise.all(store.shards.map((shard) => this.#beatAtShard(shard)));
    this.#beatAt = this.#parts.clock.monotonic();
  }

  /** Removes the presences of a dead owner, channel by channel. */
  async #removeDead(owner: string): Promise<void> {
    const { store, keys } = this.#parts;
    const list = keys.channelsOf(owner);
    const { commands } = store.shardOf(list);
    for (let cursor = "0", isFirst = true; isFirst || cursor !== "0"; isFirst = false) {
      const answer = await commands.call("SSCAN", list, cursor, "COUNT", 100);
      const [next, channels] = answer as readonly [string, readonly ChannelName[]];
      for (const channel of channels) await this.#removeFrom(channel, owner);
      cursor = next;
    }
    await this.#delete(list);
    for (const shard of store.shards) {
      const base = this.#baseAt(shard);
      if (base !== undefined) await shard.commands.call("SREM", `${base}:owners`, owner);
    }
  }

  async #removeFrom(channel: ChannelName, owner: string): Promise<void> {
    const { store, scripts, keys } = this.#parts;
    const all = [...keys.of(channel), keys.connectionsOf(channel, owner)];
    const { commands } = store.shardOf(all[0] ?? "");
    const args = () => [
      commands.replicationId,
      randomId(9),
      owner,
      keys.topicOf(channel),
      store.publishVerb,
      emptyMs,
      200,
    ];
    for (let hasMore = 1; hasMore === 1; ) {
      const answer = await commands.run(scripts.remove, all, args());
      const [more, message] = answer as readonly [number, string];
      this.onRemoved(channel, message);
      hasMore = more;
    }
  }

  async #delete(key: string): Promise<void> {
    await this.#parts.store.shardOf(key).commands.call("DEL", key);
  }

  #baseAt(shard: Shard): string | undefined {
    const { store, keys } = this.#parts;
    return store.keyAt(shard, keys.base);
  }

  /** If it fails, another worker does it, or it is retried after the next heartbeat. */
  async #quietly(work: Promise<unknown>): Promise<void> {
    try {
      await work;
    } catch (error) {
      getLogger(["fanfare", "presence"]).debug("Could not remove presences yet: {error}", { error });
    }
  }
}
