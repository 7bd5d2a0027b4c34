import { getLogger } from "@logtape/logtape";
import type { ChannelName } from "../../../protocol/channel-name.ts";
import { ServiceError } from "../../../protocol/errors.ts";
import { backoff } from "../../lib/backoff.ts";
import type { Clock, Timer } from "../../lib/clock.ts";
import { randomId } from "../../lib/random-id.ts";
import type { RedisAddress } from "../../lib/redis/address.ts";
import type { MakeConnection } from "../../lib/redis/connect.ts";
import { RedisStore } from "../../lib/redis/store.ts";
import { RedisUnreachable, RedisUnusable } from "../../lib/redis/unreachable.ts";
import type {
  PresenceChange,
  PresencePage,
  PresencePageRequest,
  PresencePosition,
  PresenceStore,
  PresenceStoreEvents,
} from "../presence-store.ts";
import { presenceUnavailable } from "../unavailable.ts";
import { Echo } from "./echo.ts";
import { PresenceKeys } from "./keys.ts";
import { defaultExpiryMs, emptyMs, Owner } from "./owner.ts";
import { argumentsOf, lowerEndAfter, parsePage, parsePosition, parseUpdate } from "./records.ts";
import { presenceScripts } from "./scripts.ts";

export interface RedisPresenceOptions {
  readonly address: RedisAddress;
  /** Prefix of all keys and topics. */
  readonly prefix: string;
  readonly clock: Clock;
  readonly expiryMs?: number;
  /** See RedisStoreSettings. */
  readonly connect?: MakeConnection;
}

/** The presences of all workers that use the same Redis and prefix, on any machine. */
export class RedisPresence implements PresenceStore {
  readonly #store: RedisStore;
  readonly #scripts = presenceScripts();
  readonly #keys: PresenceKeys;
  readonly #owner: Owner;
  readonly #echo: Echo;
  readonly #clock: Clock;
  /** The watched channels, by topic. */
  readonly #watched = new Map<string, ChannelName>();
  readonly #started = Promise.withResolvers<void>();
  readonly #beatMs: number;
  #events: PresenceStoreEvents | undefined;
  #hasStarted = false;
  #timer: Timer | undefined;
  #beating: Promise<void> | undefined;
  #failures = 0;

  constructor({ address, prefix, clock, connect, expiryMs = defaultExpiryMs }: RedisPresenceOptions) {
    this.#clock = clock;
    this.#beatMs = expiryMs / 3;
    this.#keys = new PresenceKeys(prefix, address.db);
    this.#store = new RedisStore(
      { address, clock, scripts: Object.values(this.#scripts), connect },
      {
        onUp: () => void this.#up(),
        onDown: () => undefined,
        onMessage: (topic, text) => this.#receive(topic, text),
      },
    );
    this.#echo = new Echo(this.#store, clock, { base: this.#keys.topicBase, silenceMs: expiryMs * 1.25 });
    this.#owner = new Owner({ store: this.#store, scripts: this.#scripts, keys: this.#keys, clock, expiryMs });
    this.#owner.onRemoved = (channel, message) => this.#caused(channel, message);
  }

  /** @throws RedisUnusable, RedisUnreachable */
  async start(events: PresenceStoreEvents): Promise<void> {
    this.#events = events;
    await Promise.all([this.#store.start(), this.#started.promise]);
  }

  async apply(channel: ChannelName, changes: readonly PresenceChange[], size: number): Promise<readonly string[]> {
    if (!this.#owner.isAlive) throw presenceUnavailable("Redis has not answered a heartbeat recently");
    const { id } = this.#owner;
    const keys = this.#keys.of(channel);
    const own = this.#keys.connectionsOf(channel, id);
    const topic = this.#keys.topicOf(channel);
    try {
      await this.#owner.enter(channel);
      const shard = this.#store.shardOf(keys[0]);
      const { commands } = shard;
      const settings = [commands.replicationId, randomId(9), id, this.#keys.connectionsOf(channel, ""), topic];
      const limits = [emptyMs, size, this.#owner.expiresAt(shard)];
      const args = [...settings, this.#store.publishVerb, ...limits, ...changes.flatMap(argumentsOf)];
      const answer = await this.#owner.run(shard, () => commands.run(this.#scripts.apply, [...keys, own], args));
      const [message, ...unlisted] = answer as readonly [string, ...string[]];
      if (message === "late") throw new RedisUnreachable("Redis did not answer in time");
      this.#caused(channel, message);
      return unlisted;
    } catch (cause) {
      throw presenceUnavailable("Redis does not answer", 1000, cause); // a client that asks waits for the changes before
    }
  }

  /** Subscribes first and reads second, so that no event after the answer is missed. */
  async watch(channel: ChannelName): Promise<PresencePosition> {
    const topic = this.#keys.topicOf(channel);
    this.#watched.set(topic, channel);
    const [key] = this.#keys.of(channel);
    try {
      await this.#store.subscribe([topic]);
      return parsePosition((await this.#store.shardOf(key).commands.call("GET", key)) as string | null);
    } catch (cause) {
      throw presenceUnavailable("Redis does not answer", 1000, cause);
    }
  }

  unwatch(channel: ChannelName): void {
    const topic = this.#keys.topicOf(channel);
    this.#watched.delete(topic);
    // If the connection breaks, the subscription has ended; a channel that stays in the list costs one look when it is cleared.
    this.#store.unsubscribe([topic]).catch(() => undefined);
    this.#owner.leave(channel).catch(() => undefined);
  }

  async read(channel: ChannelName, { after, limit }: PresencePageRequest): Promise<PresencePage> {
    const [position, entries, keys] = this.#keys.of(channel);
    if (!this.#store.isUp || !this.#owner.isAlive) throw presenceUnavailable("Redis does not answer");
    try {
      const shard = this.#store.shardOf(position);
      const missingMs = await this.#owner.missingFor(shard);
      if (missingMs > 0) {
        void this.#beat(); // stores the presences of this worker again, if those are missing
        throw presenceUnavailable("Redis lost its data, and the workers are storing it again", missingMs);
      }
      const args = [lowerEndAfter(after), limit === 0 ? 0 : limit + 1];
      return parsePage(await shard.commands.run(this.#scripts.read, [position, entries, keys], args), limit);
    } catch (cause) {
      if (cause instanceof ServiceError) throw cause;
      throw presenceUnavailable("Redis does not answer", 1000, cause); // its own message names the host
    }
  }

  async close(): Promise<void> {
    if (this.#events === undefined) return;
    this.#events = undefined;
    this.#timer?.cancel();
    await this.#owner.close();
    this.#store.close();
  }

  /** @param message of a script */
  #caused(channel: ChannelName, message: unknown): void {
    if (typeof message !== "string" || message === "") return;
    queueMicrotask(() => this.#events?.onCaused(channel, parseUpdate(message)));
  }

  #receive(topic: string, text: string): void {
    if (this.#echo.receive(topic)) return;
    const channel = this.#watched.get(topic);
    if (channel !== undefined) this.#events?.onEvents(channel, parseUpdate(text));
  }

  /** Connected, for the first time or again. */
  async #up(): Promise<void> {
    this.#timer?.cancel();
    this.#echo.reset();
    await this.#beat();
    if (this.#hasStarted) this.#events?.onBreak();
  }

  #beat(): Promise<void> {
    this.#beating ??= this.#beatOnce().finally(() => {
      this.#beating = undefined;
      this.#arm();
    });
    return this.#beating;
  }

  async #beatOnce(): Promise<void> {
    try {
      const isLost = await this.#owner.beat();
      // Not awaited: a subscription may take until the next connection.
      this.#echo.call().catch(() => undefined); // if the connection breaks, the next heartbeat calls again
      this.#failures = 0;
      if (isLost) this.#events?.onLost();
      this.#hasStarted = true;
      this.#started.resolve();
    } catch (error) {
      this.#failures++;
      if (error instanceof RedisUnusable) this.#started.reject(error); // without effect after the first heartbeat
      getLogger(["fanfare", "presence"]).debug("A heartbeat failed: {error}", { error });
    }
  }

  #arm(): void {
    if (this.#events === undefined) return;
    this.#timer?.cancel();
    const retryMs = backoff(this.#failures, { firstMs: 100, maxMs: this.#beatMs });
    this.#timer = this.#clock.setTimeout(() => void this.#beat(), this.#failures > 0 ? retryMs : this.#beatMs);
  }
}
