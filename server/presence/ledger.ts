import type { ChannelName } from "../../protocol/channel-name.ts";
import type { Clock } from "../lib/clock.ts";
import { randomId } from "../lib/random-id.ts";
import {
  noEpoch,
  type PresenceChange,
  type PresenceEvent,
  type PresencePage,
  type PresencePageRequest,
  type PresencePosition,
  type PresenceUpdate,
} from "./presence-store.ts";
import { type Entry, PresentConnections } from "./present-connections.ts";

/** How many channels without presences are remembered, about 100 bytes each. Beyond that the oldest get a new epoch. */
const mostEmpty = 10_000;

interface Channel {
  readonly epoch: string;
  position: number;
  readonly present: PresentConnections;
}

/** The presences of all channels in the memory of one process: a server's only one, or the supervisor's. */
export class PresenceLedger {
  readonly #channels = new Map<ChannelName, Channel>();
  /** Channels without presences, the longest empty first. Their positions go on, so that late events are not a new epoch's. */
  readonly #empty = new Set<ChannelName>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @returns what others are told, if anything */
  apply(owner: string, name: ChannelName, changes: readonly PresenceChange[]): PresenceUpdate | undefined {
    const known = this.#channels.get(name);
    if (known === undefined && !changes.some(({ kind }) => kind === "join")) return undefined;
    const channel = known ?? this.#newChannel(name);
    const events: PresenceEvent[] = [];
    for (const change of changes) {
      const event = this.#change(owner, channel, change);
      if (event !== undefined) events.push(event);
    }
    return this.#updateOf(name, channel, events);
  }

  /** Removes all presences that a worker holds. Yields what others are told. */
  *removeOwner(owner: string): Iterable<readonly [ChannelName, PresenceUpdate]> {
    for (const [name, channel] of this.#channels) {
      const events = Array.from(channel.present.ofOwner(owner), (entry) => this.#remove(channel, entry));
      const update = this.#updateOf(name, channel, events);
      if (update !== undefined) yield [name, update];
    }
  }

  positionOf(name: ChannelName): PresencePosition {
    const { epoch, position } = this.#channels.get(name) ?? { epoch: noEpoch, position: 0 };
    return { epoch, position };
  }

  read(name: ChannelName, request: PresencePageRequest): PresencePage {
    const channel = this.#channels.get(name);
    if (channel === undefined) return { epoch: noEpoch, position: 0, count: 0, presences: [], hasMore: false };
    const { epoch, position, present } = channel;
    const { entries, hasMore } = present.page(request);
    return { epoch, position, count: present.size, presences: entries.map(presenceOf), hasMore };
  }

  #newChannel(name: ChannelName): Channel {
    const channel = { epoch: randomId(9), position: 0, present: new PresentConnections() };
    this.#channels.set(name, channel);
    return channel;
  }

  #change(owner: string, channel: Channel, change: PresenceChange): PresenceEvent | undefined {
    const { present } = channel;
    const entry = present.heldBy(change.holder);
    if (change.kind === "release") {
      if (entry !== undefined) present.release(entry);
      return undefined;
    }
    if (change.kind === "leave") return entry === undefined ? undefined : this.#remove(channel, entry);
    const former = entry ?? present.successionFor(change);
    if (former === undefined) {
      channel.position++;
      return this.#event("joined", channel, present.add(change, owner, channel.position));
    }
    present.move(former, change.holder, owner);
    return undefined;
  }

  #remove(channel: Channel, entry: Entry): PresenceEvent {
    channel.present.remove(entry);
    channel.position++;
    return this.#event("left", channel, entry);
  }

  #event(kind: PresenceEvent["kind"], { position, present }: Channel, entry: Entry): PresenceEvent {
    return { kind, position, count: present.size, presence: presenceOf(entry), at: this.#clock.now() };
  }

  #updateOf(name: ChannelName, channel: Channel, events: readonly PresenceEvent[]): PresenceUpdate | undefined {
    if (channel.present.size > 0) this.#empty.delete(name);
    else if (!this.#empty.has(name)) this.#keepEmpty(name);
    return events.length === 0 ? undefined : { epoch: channel.epoch, events };
  }

  #keepEmpty(name: ChannelName): void {
    this.#empty.add(name);
    const [oldest] = this.#empty;
    if (this.#empty.size <= mostEmpty || oldest === undefined) return;
    this.#empty.delete(oldest);
    this.#channels.delete(oldest);
  }
}

function presenceOf({ id, userId, info, since }: Entry) {
  return { id, userId, info, since };
}
