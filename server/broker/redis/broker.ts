import { getLogger } from "@logtape/logtape";
import type { ChannelName } from "../../../protocol/channel-name.ts";
import type { Position, Since } from "../../../protocol/position.ts";
import type { Draft } from "../../../protocol/publication.ts";
import type { Clock } from "../../lib/clock.ts";
import { randomId } from "../../lib/random-id.ts";
import type { RedisAddress } from "../../lib/redis/address.ts";
import type { MakeConnection } from "../../lib/redis/connect.ts";
import { RedisStore } from "../../lib/redis/store.ts";
import type { Broker, BrokerEvents, Published } from "../broker.ts";
import { costOf } from "../cost-of.ts";
import type { History, HistoryRules, ReadOptions } from "../log.ts";
import { scopedId } from "../scoped-id.ts";
import { unavailable } from "../unavailable.ts";
import { Confirmations } from "./confirmations.ts";
import { beingChecked, EpochGuard } from "./epoch-guard.ts";
import { KeyNames } from "./keys.ts";
import { Listening } from "./listening.ts";
import { formatDraft, formatEphemeral, parseTopicMessage } from "./publication-text.ts";
import { Records, type StoreOutcome } from "./records.ts";
import { Refusals, redisUnavailable } from "./refusals.ts";
import { brokerScripts } from "./scripts.ts";
import { RecordKeeper, type ServerRecord } from "./server-record.ts";
import { StoredHeartbeats } from "./stored-heartbeats.ts";
import { Watch } from "./watch.ts";

/** Most bytes in flight to Redis, by `costOf`. Further publications are refused. */
const maxBytesInFlight = 64 * 1024 * 1024;
/** Most tops per batch, so that other commands run between the batches. */
const topsSlice = 1000;

export interface RedisBrokerOptions {
  readonly address: RedisAddress;
  /** The prefix of all keys and topics. */
  readonly prefix: string;
  /** How many replicas must have a publication before it is acknowledged. */
  readonly replicas: number;
  /** How long ids are remembered, milliseconds. */
  readonly idWindowMs: number;
  /** The retention of each channel. Reads return no more than that, even if the channel kept more before. */
  readonly rulesOf: (channel: ChannelName) => HistoryRules;
  readonly clock: Clock;
  /** The values that were agreed on with the other servers. See openRedis. */
  readonly record: ServerRecord;
  /** See RedisStoreSettings. */
  readonly connect?: MakeConnection;
}

/**
 * The broker of a worker whose history is in Redis or Valkey, shared with all workers on all machines.
 *
 * One script stores and sends each publication, so workers receive only stored publications, in the order in which they
 * are stored. When the connection breaks, publications in flight are refused and never resent: the publisher retries with
 * the same id. Each channel's record names the replication id of the server that wrote it. A record with an old
 * replication id is settled before it is used (Settlement).
 */
export class RedisBroker implements Broker {
  readonly #options: RedisBrokerOptions;
  readonly #keys: KeyNames;
  readonly #store: RedisStore;
  readonly #records: Records;
  readonly #listening: Listening;
  readonly #guard: EpochGuard;
  readonly #watch: Watch;
  readonly #recordKeeper: RecordKeeper;
  readonly #confirmations: Confirmations;
  readonly #refusals: Refusals;
  readonly #self = randomId(9);
  #events: BrokerEvents | undefined;
  #healthy: boolean | undefined;
  #wasUp = false;
  #isClosing = false;
  #bytesInFlight = 0;
  readonly #inFlight = new Set<Promise<unknown>>();

  constructor(options: RedisBrokerOptions) {
    const { address, clock, prefix, idWindowMs, rulesOf, replicas, record, connect } = options;
    this.#options = options;
    this.#confirmations = new Confirmations(replicas);
    this.#refusals = new Refusals(clock);
    const scripts = brokerScripts();
    this.#keys = new KeyNames(prefix, address.db);
    this.#store = new RedisStore(
      { address, clock, scripts: Object.values(scripts), connect },
      {
        onUp: () => this.#up(),
        onDown: (reason) => this.#down(reason),
        onUnusable: (reason) => logger().error("Redis cannot be used: {reason}", { reason }),
        onMessage: (topic, text) => this.#handleMessage(topic, text),
      },
    );
    this.#records = new Records({ store: this.#store, scripts, keys: this.#keys, idWindowMs, rulesOf });
    this.#listening = new Listening(this.#store, this.#keys);
    const shared = { self: this.#self, store: this.#store, clock };
    this.#guard = new EpochGuard({ ...shared, records: this.#records, keys: this.#keys });
    const kept = { key: this.#keys.own("server"), record };
    this.#recordKeeper = new RecordKeeper(this.#store, scripts.server, kept);
    this.#watch = new Watch({
      ...shared,
      members: this.#guard.members,
      topic: this.#keys.ownTopic("watch"),
      heartbeats: new StoredHeartbeats({ self: this.#self, store: this.#store, script: scripts.watch }),
      delayMs: this.#confirmations.delayMs,
      onResult: (failure) => {
        this.#reportHealth(failure === undefined && this.#store.isUp, failure?.message);
        if (failure === undefined) void this.#recordKeeper.keep();
      },
    });
  }

  /** @throws RedisUnusable if the operator has to change something, RedisUnreachable if Redis does not answer */
  async start(events: BrokerEvents): Promise<void> {
    this.#events = events;
    await this.#store.start();
    try {
      await this.#guard.start();
    } catch (error) {
      await this.close();
      throw error;
    }
    await this.#watch.start();
  }

  async publish(draft: Draft, rules: HistoryRules): Promise<Published> {
    const bytes = costOf(draft);
    if (this.#isClosing) throw unavailable("the server is shutting down");
    if (!this.#store.isUp || this.#healthy === false) throw redisUnavailable("Redis is not available");
    if (this.#bytesInFlight + bytes > maxBytesInFlight)
      throw redisUnavailable("too many publications are waiting for Redis");
    this.#bytesInFlight += bytes;
    const work = this.#publish(draft, rules);
    this.#inFlight.add(work);
    try {
      return await work;
    } catch (error) {
      throw this.#refusals.of(error);
    } finally {
      this.#inFlight.delete(work);
      this.#bytesInFlight -= bytes;
    }
  }

  async listen(channel: ChannelName): Promise<Position> {
    try {
      await this.#listening.add(channel);
      const top = await this.#guard.settled(channel, () => this.#records.open(channel));
      this.#guard.knownOffsets.track(channel, top);
      return top;
    } catch (error) {
      throw this.#refusals.of(error);
    }
  }

  async unlisten(channel: ChannelName): Promise<void> {
    this.#guard.knownOffsets.untrack(channel);
    // A broken connection ends the subscription too.
    await this.#listening.remove(channel).catch(() => undefined);
  }

  async history(channel: ChannelName, since: Since, options: ReadOptions): Promise<History> {
    try {
      const history = await this.#guard.settled(channel, () => this.#records.read(channel, since, options));
      // Clients may receive this history before the same publications are delivered, and readers may resume from it.
      this.#guard.knownOffsets.acknowledged(channel, history.top);
      return history;
    } catch (error) {
      throw this.#refusals.of(error);
    }
  }

  async tops(
    channels: readonly ChannelName[],
    seen: ReadonlyMap<ChannelName, Position> = new Map(),
  ): Promise<ReadonlyMap<ChannelName, Position>> {
    const tops = new Map<ChannelName, Position>();
    try {
      for (let from = 0; from < channels.length; from += topsSlice) {
        const slice = channels.slice(from, from + topsSlice);
        const found = await Promise.all(slice.map((it) => this.#topOf(it, seen.get(it))));
        slice.forEach((channel, at) => {
          const top = found[at];
          if (top !== undefined) tops.set(channel, top);
        });
      }
      return tops;
    } catch (error) {
      throw this.#refusals.of(error);
    }
  }

  async close(): Promise<void> {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#watch.close();
    this.#guard.close();
    await Promise.allSettled(this.#inFlight);
    // If this fails, the other members notice after six seconds.
    if (this.#store.isUp) await Promise.all([this.#guard.leave(), this.#watch.removeHeartbeats()]);
    this.#store.close();
  }

  async #publish(draft: Draft, rules: HistoryRules): Promise<Published> {
    const { channel } = draft;
    const id = draft.id ?? crypto.randomUUID();
    if (draft.ephemeral === true) {
      const topic = this.#keys.topicOf(channel);
      const text = formatEphemeral(draft, id, this.#options.clock.now());
      const listeners = await this.#records.send(this.#store.shardOf(topic), topic, text);
      return { id, position: undefined, duplicate: false, listeners };
    }
    // Nothing is stored in a channel that is being settled. A draft that waited here could be overtaken by a later one.
    if (this.#guard.isBeingSettled(channel)) throw redisUnavailable(beingChecked);
    const text = formatDraft(draft, id);
    // With escapes, the text can be longer than the cost of the publication in memory.
    const cost = Math.max(costOf(draft), Buffer.byteLength(text));
    const stored = { channel, id: scopedId(draft), text, cost };
    const [outcome] = await Promise.all([this.#records.publish(stored, rules), this.#confirmed(channel)]);
    return this.#receiptOf(channel, id, outcome);
  }

  #receiptOf(channel: ChannelName, id: string, outcome: StoreOutcome): Published {
    switch (outcome.outcome) {
      case "late":
        throw redisUnavailable("Redis did not answer in time");
      case "old":
        void this.#guard.settle(channel);
        throw redisUnavailable(beingChecked);
      case "duplicate":
        // The member that stored it may not have acknowledged it. The position may belong to a former epoch.
        this.#guard.knownOffsets.remember(channel, outcome.position);
        return { id, position: outcome.position, duplicate: true, listeners: undefined };
      case "stored":
        this.#guard.knownOffsets.acknowledged(channel, outcome.position);
        return { id, position: outcome.position, duplicate: false, listeners: outcome.listeners };
    }
  }

  /** Resolves once enough replicas have everything sent on this connection so far. */
  async #confirmed(channel: ChannelName): Promise<void> {
    const { replicas } = this.#options;
    if (replicas === 0) return;
    const confirmed = await this.#confirmations.count(this.#store.shardOf(this.#keys.topicOf(channel)));
    if (confirmed < replicas)
      throw redisUnavailable(`only ${confirmed} of ${replicas} replicas confirmed the message (REDIS_WAIT)`);
  }

  async #topOf(channel: ChannelName, seen: Position | undefined): Promise<Position> {
    const top = await this.#guard.settled(channel, () => this.#records.top(channel));
    if (seen === undefined || seen.epoch !== top.epoch || seen.offset <= top.offset) return top;
    return this.#guard.settled(channel, () => this.#records.renewBehind(channel, seen));
  }

  /** Hot path. */
  #handleMessage(topic: string, text: string): void {
    const channel = this.#listening.channelOf(topic);
    if (channel !== undefined) this.#deliver(channel, text);
    else if (this.#watch.isOwn(topic)) this.#watch.handleMessage(topic, text);
    else if (topic === this.#guard.topic) this.#guard.handleMessage(text);
  }

  #deliver(channel: ChannelName, text: string): void {
    const message = parseTopicMessage(channel, text);
    if (message?.kind === "publication") {
      const { publication } = message;
      if (publication.offset > 0) this.#guard.knownOffsets.observed(channel, publication);
      this.#events?.onPublication(publication);
    } else if (message?.kind === "reset") {
      this.#guard.knownOffsets.observed(channel, message.top);
      this.#events?.onReset(channel, message.top);
    }
  }

  #up(): void {
    this.#guard.connected();
    this.#watch.connected();
    if (this.#wasUp) logger().info("Redis is available again.");
    this.#reportHealth(true);
    if (this.#wasUp) this.#events?.onBreak();
    this.#wasUp = true;
  }

  #down(reason: string): void {
    this.#guard.disconnected();
    this.#reportHealth(false, reason);
  }

  #reportHealth(healthy: boolean, reason?: string): void {
    if (healthy === this.#healthy || this.#isClosing) return;
    this.#healthy = healthy;
    if (!healthy)
      logger().error("Redis cannot be used: {reason}. Publications are refused until it is available again.", {
        reason,
      });
    this.#events?.onHealth(healthy);
  }
}

function logger() {
  return getLogger(["fanfare", "broker"]);
}
