import type { ChannelName } from "../../protocol/channel-name.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import {
  noEpoch,
  type PresenceEvent,
  type PresencePosition,
  type PresenceStore,
  type PresenceUpdate,
} from "./presence-store.ts";

/** How long a channel is watched after its last use: pages are reloaded, networks drop briefly. */
const lingerMs = 10_000;
const retryMs = 500;

/** The message to the clients in a channel: the next events, or that they must request the presence again. */
export type PresenceNotification = { readonly epoch: string; readonly events: readonly PresenceEvent[] } | "reset";

interface Watched {
  /** Up to which position the clients in the channel have been told; undefined before the first answer. */
  told: PresencePosition | undefined;
  /** Events that arrived before the first answer. Nobody needs them, but they may be later than the answer. */
  early: PresencePosition | undefined;
  /** The request to the store, while it is not answered. */
  asking: Promise<void> | undefined;
  /** Since when the channel is not in use; undefined while it is. */
  unusedAt: number | undefined;
}

/**
 * The channels whose presence events this worker needs, because clients of it are in them.
 *
 * Invariant: the events that clients receive about a channel have no holes. Events that do not continue the ones before are
 * replaced by "reset". So are events that may have been missed while the store could not be reached.
 */
export class WatchedChannels {
  readonly #store: Pick<PresenceStore, "watch" | "unwatch">;
  readonly #clock: Clock;
  readonly #onNotification: (channel: ChannelName, notification: PresenceNotification) => void;
  readonly #channels = new Map<ChannelName, Watched>();
  #sweep: Timer | undefined;
  #retry: Timer | undefined;

  constructor(
    store: Pick<PresenceStore, "watch" | "unwatch">,
    clock: Clock,
    onNotification: (channel: ChannelName, notification: PresenceNotification) => void,
  ) {
    this.#store = store;
    this.#clock = clock;
    this.#onNotification = onNotification;
  }

  /**
   * Resolves once a client that joins now misses no later event; undefined if that is so already.
   * @throws errors of the store
   */
  ready(channel: ChannelName): Promise<void> | undefined {
    const known = this.#channels.get(channel);
    if (known?.told !== undefined) {
      if (known.unusedAt !== undefined) known.unusedAt = this.#clock.monotonic();
      return undefined;
    }
    return known?.asking ?? this.#ask(channel, known ?? this.#newChannel(channel));
  }

  /** Whether clients of this worker are in the channel. */
  use(channel: ChannelName, isUsed: boolean): void {
    const watched = this.#channels.get(channel);
    if (watched === undefined) return;
    watched.unusedAt = isUsed ? undefined : this.#clock.monotonic();
    if (!isUsed) this.#armSweep();
  }

  /** The store reports events. */
  receive(channel: ChannelName, update: PresenceUpdate): void {
    const watched = this.#channels.get(channel);
    if (watched === undefined) return;
    const { told } = watched;
    if (told === undefined) {
      watched.early = { epoch: update.epoch, position: update.events.at(-1)?.position ?? 0 };
      return;
    }
    const events = update.events.filter(({ position }) => update.epoch !== told.epoch || position > told.position);
    const [first] = events;
    const last = events.at(-1);
    if (first === undefined || last === undefined) return;
    watched.told = { epoch: update.epoch, position: last.position };
    const expected = told.epoch === update.epoch ? told.position + 1 : told.epoch === noEpoch ? 1 : undefined;
    this.#onNotification(channel, first.position === expected ? { epoch: update.epoch, events } : "reset");
  }

  /** Events may have been missed: asks for the position of every channel again. */
  checkAll(): void {
    for (const [channel, watched] of this.#channels) {
      // An answer that is on its way may be from before the break.
      const asked = watched.asking?.catch(() => undefined) ?? Promise.resolve();
      void asked.then(() => this.#check(channel, watched));
    }
  }

  close(): void {
    this.#sweep?.cancel();
    this.#retry?.cancel();
    this.#channels.clear();
  }

  #newChannel(channel: ChannelName): Watched {
    const watched: Watched = {
      told: undefined,
      early: undefined,
      asking: undefined,
      unusedAt: this.#clock.monotonic(),
    };
    this.#channels.set(channel, watched);
    this.#armSweep();
    return watched;
  }

  #check(channel: ChannelName, watched: Watched): void {
    if (this.#channels.get(channel) !== watched || watched.asking !== undefined) return;
    this.#ask(channel, watched).catch(() => this.#armRetry());
  }

  #ask(channel: ChannelName, watched: Watched): Promise<void> {
    const asking = this.#store.watch(channel).then(
      (position) => {
        watched.asking = undefined;
        if (this.#channels.get(channel) === watched) this.#continueAt(channel, watched, position);
      },
      (error: unknown) => {
        watched.asking = undefined;
        throw error;
      },
    );
    watched.asking = asking;
    return asking;
  }

  #continueAt(channel: ChannelName, watched: Watched, position: PresencePosition): void {
    const { told, early } = watched;
    watched.early = undefined;
    if (told === undefined) {
      const isLater = early !== undefined && (early.epoch !== position.epoch || early.position > position.position);
      watched.told = isLater ? early : position;
      return;
    }
    if (told.epoch === position.epoch && position.position <= told.position) return;
    watched.told = position;
    this.#onNotification(channel, "reset");
  }

  #armRetry(): void {
    this.#retry ??= this.#clock.setTimeout(() => {
      this.#retry = undefined;
      this.checkAll();
    }, retryMs);
  }

  #armSweep(): void {
    this.#sweep ??= this.#clock.setTimeout(() => {
      this.#sweep = undefined;
      let isNeeded = false;
      const now = this.#clock.monotonic();
      for (const [channel, { unusedAt, asking }] of this.#channels) {
        if (unusedAt === undefined) continue;
        if (now - unusedAt < lingerMs || asking !== undefined) {
          isNeeded = true;
          continue;
        }
        this.#channels.delete(channel);
        this.#store.unwatch(channel);
      }
      if (isNeeded) this.#armSweep();
    }, lingerMs);
  }
}
