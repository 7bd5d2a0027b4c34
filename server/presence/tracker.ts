import { getLogger } from "@logtape/logtape";
import type { ChannelName } from "../../protocol/channel-name.ts";
import { ServiceError } from "../../protocol/errors.ts";
import { backoff } from "../lib/backoff.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import { ChangeQueue } from "./change-queue.ts";
import { PresencePlaces } from "./places.ts";
import type {
  Arrival,
  PresenceChange,
  PresencePage,
  PresencePageRequest,
  PresenceStore,
  PresenceUpdate,
} from "./presence-store.ts";
import { UnlistedConnections } from "./unlisted-connections.ts";
import { type PresenceNotification, WatchedChannels } from "./watched-channels.ts";

/** How long a client may be without a connection before others are told that it left. */
export const graceMs = 3000;
/** How long the end of a connection is delayed at most so that the store knows of it first. Milliseconds. */
const releaseMs = 1000;

export interface TrackerSettings {
  readonly clock: Clock;
  /** How many presences a channel can have. */
  readonly size: number;
  /** How much memory the presences of this worker can take, over all channels. */
  readonly bytes: number;
}

/** A connection that has ended and was in these channels. */
interface Ended {
  readonly holder: string;
  readonly channels: readonly ChannelName[];
  readonly dueAt: number;
}

/**
 * The presences of this worker's connections: stores them, also again after the store has lost them, and keeps ended ones
 * for three seconds, in which the client may reconnect.
 *
 * Only changes cost something: nothing is renewed while a connection stays.
 */
export class PresenceTracker {
  readonly watched: WatchedChannels;
  readonly #store: PresenceStore;
  readonly #clock: Clock;
  readonly #size: number;
  readonly #places: PresencePlaces;
  readonly #unlisted: UnlistedConnections;
  /** By channel and connection. */
  readonly #present = new Map<ChannelName, Map<string, Arrival>>();
  readonly #queues = new Map<ChannelName, ChangeQueue>();
  /** In the order in which their grace ends. */
  readonly #ended: Ended[] = [];
  #timer: Timer | undefined;
  #retry: Timer | undefined;
  #failures = 0;
  #isClosed = false;

  /** Called with the events that this worker has caused, see PresenceStoreEvents. Set by its user. */
  onCaused: (channel: ChannelName, update: PresenceUpdate) => void = () => undefined;
  /** Called when there are unlisted connections, and when there are none any more. Set by its user. */
  onUnlisted: (hasSome: boolean) => void = () => undefined;

  constructor(
    store: PresenceStore,
    { clock, size, bytes }: TrackerSettings,
    onNotification: (channel: ChannelName, notification: PresenceNotification) => void,
  ) {
    this.#store = store;
    this.#clock = clock;
    this.#size = size;
    this.#places = new PresencePlaces(bytes);
    this.#unlisted = new UnlistedConnections({
      store,
      clock,
      size,
      hasRoom: () => this.#places.hasRoom,
      list: (channel, holder) => this.#list(channel, holder),
      onSome: (hasSome) => this.onUnlisted(hasSome),
    });
    this.watched = new WatchedChannels(store, clock, onNotification);
  }

  /** How many connections of this worker are not listed because there is no room, in all channels together. */
  get unlisted(): number {
    return this.#unlisted.count;
  }

  /** How many of them are in this channel. */
  unlistedIn(channel: ChannelName): number {
    return this.#unlisted.in(channel);
  }

  start(): Promise<void> {
    return this.#store.start({
      onEvents: (channel, update) => this.watched.receive(channel, update),
      onCaused: (channel, update) => this.onCaused(channel, update),
      onBreak: () => this.watched.checkAll(),
      onLost: () => this.storeAgain(),
    });
  }

  /** A connection is in a channel. */
  join(channel: ChannelName, arrival: Arrival): void {
    let present = this.#present.get(channel);
    if (present === undefined) {
      present = new Map();
      this.#present.set(channel, present);
      this.watched.use(channel, true);
    }
    const isNew = !present.has(arrival.holder);
    present.set(arrival.holder, arrival);
    this.#queueOf(channel).add({ kind: "join", hasPlace: this.#places.take(channel, arrival), ...arrival }, isNew);
    this.#flush(channel);
  }

  /** A connection has unsubscribed from a channel: others are told at once. */
  leave(channel: ChannelName, holder: string): void {
    if (this.#forget(channel, holder)) this.#leave(channel, holder);
  }

  /**
   * A connection in these channels is about to be closed so that its client reconnects. Resolves once the store knows, or
   * after a second. Otherwise the client could be back on another worker before the store knows, and others would be told.
   */
  async release(holder: string, channels: readonly ChannelName[]): Promise<void> {
    const queues = channels
      .filter((channel) => this.#present.get(channel)?.has(holder) === true)
      .map((channel) => this.#queueOf(channel));
    for (const queue of queues) queue.add({ kind: "release", holder });
    const late = Promise.withResolvers<void>();
    const timer = this.#clock.setTimeout(late.resolve, releaseMs);
    await Promise.race([Promise.allSettled(queues.map((queue) => queue.flush())), late.promise]);
    timer.cancel();
  }

  /** A connection has ended: others are told after the grace, unless another connection has taken over. */
  end(holder: string, channels: readonly ChannelName[]): void {
    const left = channels.filter((channel) => this.#forget(channel, holder));
    if (left.length === 0) return;
    for (const channel of left) {
      this.#queueOf(channel).add({ kind: "release", holder });
      this.#flush(channel);
    }
    this.#ended.push({ holder, channels: left, dueAt: this.#clock.monotonic() + graceMs });
    this.#arm();
  }

  /** The answer of `read` of the store, including all changes of this worker so far. @throws errors of the store */
  async read(channel: ChannelName, page: PresencePageRequest): Promise<PresencePage> {
    await this.#queues.get(channel)?.flush();
    return this.#store.read(channel, page);
  }

  /** Stores the waiting changes, and disconnects. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#retry?.cancel();
    this.#unlisted.close();
    this.watched.close();
    // Connections that have just ended are released, so that their clients are recognized when they connect to another
    // worker.
    await Promise.allSettled(Array.from(this.#queues.values(), (queue) => queue.flush()));
    await this.#store.close();
  }

  #forget(channel: ChannelName, holder: string): boolean {
    const present = this.#present.get(channel);
    if (present?.delete(holder) !== true) return false;
    this.#unlisted.delete(channel, holder);
    if (present.size > 0) return true;
    this.#present.delete(channel);
    this.watched.use(channel, false);
    return true;
  }

  #queueOf(channel: ChannelName): ChangeQueue {
    let queue = this.#queues.get(channel);
    if (queue === undefined) {
      queue = new ChangeQueue((changes) => this.#apply(channel, changes));
      this.#queues.set(channel, queue);
    }
    return queue;
  }

  #leave(channel: ChannelName, holder: string): void {
    this.#places.free(channel, holder);
    this.#queueOf(channel).add({ kind: "leave", holder });
    this.#flush(channel);
  }

  async #apply(channel: ChannelName, changes: readonly PresenceChange[]): Promise<void> {
    const unlisted = new Set(await this.#store.apply(channel, changes, this.#size));
    for (const change of changes) {
      if (change.kind !== "join") continue;
      const { holder, hasPlace } = change;
      const isPresent = this.#present.get(channel)?.has(holder) === true; // it may have left meanwhile
      if (unlisted.has(holder)) {
        this.#places.free(channel, holder);
        if (isPresent) this.#unlisted.add(channel, holder, hasPlace ? "channel" : "worker");
      } else if (isPresent) {
        this.#places.add(channel, change);
        this.#unlisted.delete(channel, holder);
      }
    }
  }

  #list(channel: ChannelName, holder: string): boolean {
    const arrival = this.#present.get(channel)?.get(holder);
    if (arrival === undefined) return true;
    if (!this.#places.take(channel, arrival)) return false;
    this.#queueOf(channel).addIfNew({ kind: "join", hasPlace: true, ...arrival });
    this.#flush(channel);
    return true;
  }

  #flush(channel: ChannelName): void {
    const queue = this.#queues.get(channel);
    if (queue === undefined || this.#isClosed) return;
    queue.flush().then(
      () => {
        if (queue.isEmpty && this.#queues.get(channel) === queue) this.#queues.delete(channel);
        this.#failures = 0;
      },
      (error: unknown) => this.#retryLater(error),
    );
  }

  /** All channels are retried together, because the failure is the store's. */
  #retryLater(error: unknown): void {
    if (this.#retry !== undefined || this.#isClosed) return;
    if (this.#failures++ === 0) {
      const reason = error instanceof ServiceError ? error.message : error; // a bug has a stack
      getLogger(["fanfare", "presence"]).warning("Presences cannot be stored now, and are retried later: {reason}", {
        reason,
      });
    }
    this.#retry = this.#clock.setTimeout(
      () => {
        this.#retry = undefined;
        for (const channel of this.#queues.keys()) this.#flush(channel);
      },
      backoff(this.#failures, { firstMs: 100, maxMs: 2000 }),
    );
  }

  /**
   * Stores the presences of all connections of this worker again: the store has lost them, or another worker that took this
   * one for dead has given them to connections that these ones continue.
   */
  storeAgain(): void {
    for (const [channel, present] of this.#present) {
      const queue = this.#queueOf(channel);
      // The changes in the queue are newer.
      for (const arrival of present.values()) {
        queue.addIfNew({ kind: "join", hasPlace: this.#places.take(channel, arrival), ...arrival });
      }
      this.#flush(channel);
    }
  }

  #arm(): void {
    const [first] = this.#ended;
    if (this.#timer !== undefined || first === undefined || this.#isClosed) return;
    this.#timer = this.#clock.setTimeout(
      () => {
        this.#timer = undefined;
        this.#leaveDue();
        this.#arm();
      },
      Math.max(0, first.dueAt - this.#clock.monotonic()),
    );
  }

  #leaveDue(): void {
    const now = this.#clock.monotonic();
    for (let [first] = this.#ended; first !== undefined && first.dueAt <= now; [first] = this.#ended) {
      this.#ended.shift();
      for (const channel of first.channels) {
        // It may have been given its presence back.
        if (this.#present.get(channel)?.has(first.holder) === true) continue;
        this.#leave(channel, first.holder);
      }
    }
  }
}
