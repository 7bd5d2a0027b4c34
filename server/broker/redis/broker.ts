import { getLogger } from "@logtape/logtape";
import type { ChannelName } from "../../../protocol/channel-name.ts";
import { ServiceError } from "../../../protocol/errors.ts";
import type { Position, Since } from "../../../protocol/position.ts";
import type { Draft } from "../../../protocol/publication.ts";
import type { Clock } from "../../lib/clock.ts";
import { randomId } from "../../lib/random-id.ts";
import type { RedisAddress } from "../../lib/redis/address.ts";
import type { MakeConnection } from "../../lib/redis/connect.ts";
import { RedisStore } from "../../lib/redis/store.ts";
import { RedisUnreachable, RedisUnusable } from "../../lib/redis/unreachable.ts";
import type { Broker, BrokerEvents, Published } from "../broker.ts";
import { costOf } from "../cost-of.ts";
import type { History, HistoryRules } from "../log.ts";
import { unavailable } from "../unavailable.ts";
import { Confirmations } from "./confirmations.ts";
import { KeyNames } from "./keys.ts";
import { beingChecked, LifeLaw } from "./life-law.ts";
import { Listening } from "./listening.ts";
import { formatDraft, formatEphemeral, parseTopicMessage } from "./publication-text.ts";
import { type ReadLimits, Records, type StoreOutcome } from "./records.ts";
import { brokerScripts } from "./scripts.ts";
import { Watch } from "./watch.ts";

/** What may be on its way to Redis, by `costOf`; more is refused. */
const maxBytesOnWay = 64 * 1024 * 1024;
/** Tops that are asked for at once: others get their turn in between. */
const topsSlice = 1000;
/** When to try again while Redis is away, milliseconds. */
const retryAfterMs = 1000;

export interface RedisBrokerOptions {
  readonly address: RedisAddress;
  /** What all keys and topics begin with. */
  readonly prefix: string;
  /** Replicas that must have a publication before it is acknowledged. */
  readonly replicas: number;
  /** How long ids are remembered, milliseconds. */
  readonly idWindowMs: number;
  readonly clock: Clock;
  /** See RedisStoreSettings. */
  readonly connect?: MakeConnection;
}

/**
 * The broker of a worker whose history is in Redis or Valkey, shared with all workers on all machines.
 *
 * Storing and sending are one script, so nothing is delivered that is not stored, and in that order. What is in flight
 * when the connection breaks is refused and never sent again: the publisher retries with the same id. Each channel's
 * record names the life of the server it was written in; one of another life is settled before it is used (Settlement).
 */
export class RedisBroker implements Broker {
  readonly #options: RedisBrokerOptions;
  readonly #keys: KeyNames;
  readonly #store: RedisStore;
  readonly #records: Records;
  readonly #listening: Listening;
  readonly #law: LifeLaw;
  readonly #watch: Watch;
  readonly #confirmations: Confirmations;
  readonly #self = randomId(9);
  #events: BrokerEvents | undefined;
  #healthy: boolean | undefined;
  #wasUp = false;
  #isClosing = false;
  #bytesOnWay = 0;
  readonly #onWay = new Set<Promise<unknown>>();

  constructor(options: RedisBrokerOptions) {
    const { address, clock, prefix, idWindowMs, replicas, connect } = options;
    this.#options = options;
    this.#confirmations = new Confirmations(replicas);
    const scripts = brokerScripts();
    this.#keys = new KeyNames(prefix, address.db);
    this.#store = new RedisStore(
      { address, clock, scripts: Object.values(scripts), connect },
      {
        onUp: () => this.#up(),
        onDown: (reason) => this.#down(reason),
        onUnusable: (reason) => logger().error("Redis cannot be used: {reason}", { reason }),
        onMessage: (topic, text) => this.#hear(topic, text),
      },
    );
    this.#records = new Records({ store: this.#store, scripts, keys: this.#keys, idWindowMs });
    this.#listening = new Listening(this.#store, this.#keys);
    const shared = { self: this.#self, store: this.#store, clock };
    this.#law = new LifeLaw({ ...shared, records: this.#records, keys: this.#keys });
    this.#watch = new Watch({
      ...shared,
      companions: this.#law.companions,
      topic: this.#keys.ownTopic("watch"),
      write: (shard, topic, text) =>
        shard.commands.run(scripts.watch, [`${topic}/written`], [topic, text, this.#store.publishVerb]),
      onResult: (failure) => this.#tellHealth(failure === undefined && this.#store.isUp, failure?.message),
    });
  }

  /** @throws RedisUnusable where a person has to change something, RedisUnreachable where nobody answers */
  async start(events: BrokerEvents): Promise<void> {
    this.#events = events;
    await this.#store.start();
    try {
      await this.#law.start();
    } catch (error) {
      await this.close();
      throw error;
    }
    this.#watch.start();
  }

  async publish(draft: Draft, rules: HistoryRules): Promise<Published> {
    const bytes = costOf(draft);
    if (this.#isClosing) throw unavailable("the server is closing its storage");
    if (!this.#store.isUp || this.#healthy === false) throw away("Redis is away");
    if (this.#bytesOnWay + bytes > maxBytesOnWay) throw away("Redis is slower than what is published");
    this.#bytesOnWay += bytes;
    const work = this.#publish(draft, rules);
    this.#onWay.add(work);
    try {
      return await work;
    } catch (error) {
      throw toRefusal(error);
    } finally {
      this.#onWay.delete(work);
      this.#bytesOnWay -= bytes;
    }
  }

  async listen(channel: ChannelName): Promise<Position> {
    try {
      await this.#listening.add(channel);
      const top = await this.#law.settled(channel, () => this.#records.open(channel));
      this.#law.witness.watch(channel, top);
      return top;
    } catch (error) {
      throw toRefusal(error);
    }
  }

  async unlisten(channel: ChannelName): Promise<void> {
    this.#law.witness.forget(channel);
    // A break ends the subscription as well.
    await this.#listening.remove(channel).catch(() => undefined);
  }

  async history(channel: ChannelName, since: Since, limit: number, maxBytes: number): Promise<History> {
    const limits: ReadLimits = { limit, maxBytes };
    try {
      const history = await this.#law.settled(channel, () => this.#records.read(channel, since, limits));
      this.#law.witness.saw(channel, history.top); // what is read here may be handed to clients before it is delivered
      return history;
    } catch (error) {
      throw toRefusal(error);
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
      throw toRefusal(error);
    }
  }

  async close(): Promise<void> {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#watch.close();
    this.#law.close();
    await Promise.allSettled(this.#onWay);
    if (this.#store.isUp) await this.#watch.leave().catch(() => undefined); // the others notice in six seconds
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
    // Until it is settled nothing is stored in it; and what waited here could be overtaken by what comes later.
    if (this.#law.isBeingSettled(channel)) throw away(beingChecked);
    const text = formatDraft(draft, id);
    // Escapes can make the text longer than all that is counted for a publication in our own memory.
    const cost = Math.max(costOf(draft), Buffer.byteLength(text));
    const stored = { channel, id: draft.id, text, cost };
    const [outcome] = await Promise.all([this.#records.publish(stored, rules), this.#confirmed(channel)]);
    return this.#receiptOf(channel, id, outcome);
  }

  #receiptOf(channel: ChannelName, id: string, outcome: StoreOutcome): Published {
    switch (outcome.outcome) {
      case "late":
        throw away("Redis answered too late");
      case "old":
        void this.#law.settle(channel);
        throw away(beingChecked);
      case "duplicate":
        return { id, position: outcome.position, duplicate: true, listeners: undefined };
      case "stored":
        this.#law.witness.acknowledged(channel, outcome.position);
        return { id, position: outcome.position, duplicate: false, listeners: outcome.listeners };
    }
  }

  /** Once enough replicas have what was sent on this connection until now. */
  async #confirmed(channel: ChannelName): Promise<void> {
    const { replicas } = this.#options;
    if (replicas === 0) return;
    const confirmed = await this.#confirmations.count(this.#store.shardOf(this.#keys.topicOf(channel)));
    if (confirmed < replicas) throw away(`${confirmed} of ${replicas} replicas have it (REDIS_WAIT)`);
  }

  async #topOf(channel: ChannelName, seen: Position | undefined): Promise<Position> {
    const top = await this.#law.settled(channel, () => this.#records.top(channel));
    if (seen === undefined || seen.epoch !== top.epoch || seen.offset <= top.offset) return top;
    return this.#law.settled(channel, () => this.#records.renewBehind(channel, seen));
  }

  /** Hot path. */
  #hear(topic: string, text: string): void {
    const channel = this.#listening.channelOf(topic);
    if (channel !== undefined) this.#deliver(channel, text);
    else if (this.#watch.isOwn(topic)) this.#watch.hear(topic, text);
    else if (topic === this.#law.topic) this.#law.hear(text);
  }

  #deliver(channel: ChannelName, text: string): void {
    const message = parseTopicMessage(channel, text);
    if (message?.kind === "publication") {
      const { publication } = message;
      if (publication.offset > 0) this.#law.witness.saw(channel, publication);
      this.#events?.onPublication(publication);
    } else if (message?.kind === "reset") {
      this.#law.witness.saw(channel, message.top);
      this.#events?.onReset(channel, message.top);
    }
  }

  #up(): void {
    this.#law.connected();
    this.#watch.forgive();
    if (this.#wasUp) logger().info("Redis is back.");
    this.#tellHealth(true);
    if (this.#wasUp) this.#events?.onBreak();
    this.#wasUp = true;
  }

  #down(reason: string): void {
    this.#law.cutOff();
    this.#tellHealth(false, reason);
  }

  #tellHealth(healthy: boolean, reason?: string): void {
    if (healthy === this.#healthy || this.#isClosing) return;
    this.#healthy = healthy;
    if (!healthy) logger().error("Redis cannot be used: {reason}. Publishing is refused until it is back.", { reason });
    this.#events?.onHealth(healthy);
  }
}

function away(reason: string): ServiceError {
  return new ServiceError("broker-unavailable", `${reason}; try again with the same id`, { retryAfterMs });
}

/** What the caller is told: where Redis is the reason, that it is not known to be stored. */
function toRefusal(error: unknown): unknown {
  if (error instanceof RedisUnreachable || error instanceof RedisUnusable) {
    const message = `${error.message}; try again with the same id`;
    return new ServiceError("broker-unavailable", message, { retryAfterMs, cause: error });
  }
  return error;
}

function logger() {
  return getLogger(["fanfare", "broker"]);
}
