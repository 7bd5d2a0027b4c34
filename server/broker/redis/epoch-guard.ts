import type { ChannelName } from "../../../protocol/channel-name.ts";
import type { Clock, Timer } from "../../lib/clock.ts";
import type { RedisStore } from "../../lib/redis/store.ts";
import { RedisUnreachable } from "../../lib/redis/unreachable.ts";
import { HandOver, type HandOverMessage } from "./hand-over.ts";
import type { KeyNames } from "./keys.ts";
import { KnownOffsets } from "./known-offsets.ts";
import { Members } from "./members.ts";
import { OffsetQueries, type OldRecord, type QueryMessage } from "./offset-queries.ts";
import type { Records } from "./records.ts";
import { Settlement } from "./settlement.ts";

/** How often a call may find an old record before the caller is told to retry. */
const maxAttempts = 3;
const minuteMs = 60_000;

export const beingChecked = "the channel is being checked after a restart of Redis";

export interface EpochGuardDependencies {
  /** The name of this member, unique among those that use the same Redis. */
  readonly self: string;
  readonly store: RedisStore;
  readonly records: Records;
  readonly keys: KeyNames;
  readonly clock: Clock;
}

/**
 * Ensures that (channel, epoch, offset) never names two publications, although Redis may lose its latest writes.
 *
 * A Redis server has a new replication id after each restart and failover, and each channel's record names the
 * replication id under which it was written. An old record is settled before it is used: the members report which offsets
 * they have seen, and the channel keeps its epoch or gets a new one.
 */
export class EpochGuard {
  readonly knownOffsets = new KnownOffsets();
  readonly members: Members;
  /** The topic of the queries between members. */
  readonly topic: string;
  readonly #store: RedisStore;
  readonly #queries: OffsetQueries;
  readonly #settlement: Settlement;
  readonly #clock: Clock;
  readonly #handOver: HandOver;
  /** The replication ids of the latest connections. */
  #replicationIds: readonly string[] = [];
  #rotation: Timer | undefined;

  constructor({ self, store, records, keys, clock }: EpochGuardDependencies) {
    this.#store = store;
    this.#clock = clock;
    this.members = new Members(self, clock);
    const topic = keys.ownTopic("talk");
    this.topic = topic;
    const send = async (text: string) => records.send(store.shardOf(topic), topic, text);
    const shared = { self, members: this.members, knownOffsets: this.knownOffsets, send };
    const shardOf = (id: string) => store.shards.find(({ commands }) => commands.replicationId === id);
    this.#queries = new OffsetQueries({
      ...shared,
      clock,
      isInUse: (id) => shardOf(id) !== undefined,
      reconnect: (id) => {
        const shard = shardOf(id);
        if (shard !== undefined) store.restart(shard);
      },
    });
    this.#handOver = new HandOver(shared);
    this.#settlement = new Settlement({
      readTop: (channel) => records.open(channel),
      ask: (old) => this.#queries.ask(old),
      settle: (old, isKept) => records.settle(old, isKept),
    });
  }

  /** @throws RedisUnreachable */
  async start(): Promise<void> {
    await this.#store.subscribe([this.topic]);
    this.#rotateEveryMinute();
  }

  close(): void {
    this.#rotation?.cancel();
  }

  /** All connections to Redis are new. */
  connected(): void {
    const ids = this.#store.shards.map(({ commands }) => commands.replicationId);
    const ended = this.#replicationIds.filter((it) => !ids.includes(it));
    if (ended.length > 0) {
      this.knownOffsets.pin();
      this.members.idsEnded(ended);
    }
    this.#replicationIds = ids;
    this.members.connected();
  }

  disconnected(): void {
    this.members.disconnected();
    this.#queries.disconnected();
  }

  /** Handles a message from `topic`. */
  handleMessage(text: string): void {
    const message = JSON.parse(text) as QueryMessage | HandOverMessage;
    if (message.kind === "keep" || message.kind === "bye") this.#handOver.handleMessage(message);
    else this.#queries.handleMessage(message);
  }

  /** Announces that this member leaves, if it can tell the others what it knows. */
  async leave(): Promise<void> {
    await this.#handOver.leave();
  }

  /** Nothing is stored in a channel while it is being settled. */
  isBeingSettled(channel: ChannelName): boolean {
    return this.#settlement.isPending(channel);
  }

  settle(channel: ChannelName): Promise<void> {
    return this.#settlement.settle(channel);
  }

  /** Calls `ask`, and calls it again after settling the channel if its record is an old one. @throws RedisUnreachable */
  async settled<T extends object>(channel: ChannelName, ask: () => Promise<T | OldRecord>): Promise<T> {
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const answer = await ask();
      if (!isOld(answer)) return answer;
      await this.#settlement.settle(channel);
    }
    throw new RedisUnreachable(beingChecked);
  }

  #rotateEveryMinute(): void {
    this.#rotation = this.#clock.setTimeout(() => {
      this.knownOffsets.rotate();
      this.#rotateEveryMinute();
    }, minuteMs);
  }
}

function isOld<T extends object>(answer: T | OldRecord): answer is OldRecord {
  return "replicationId" in answer;
}
