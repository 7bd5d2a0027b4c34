import type { ChannelName } from "../../protocol/channel-name.ts";
import type { Clock } from "../lib/clock.ts";
import { OldestFirst } from "../lib/oldest-first.ts";
import { randomId } from "../lib/random-id.ts";
import {
  type Arrival,
  noEpoch,
  type PresenceChange,
  type PresenceEvent,
  type PresencePage,
  type PresencePageRequest,
  type PresencePosition,
  type PresenceUpdate,
} from "./presence-store.ts";
import { type Entry, PresentConnections } from "./present-connections.ts";

/** How many channels without presences are remembered, at most 1 KB each. Beyond that the oldest get a new epoch. */
const mostEmpty = 10_000;

/** The result of a call of `apply`. */
export interface Applied {
  /** The events that it caused, if any. */
  readonly update: PresenceUpdate | undefined;
  /** The connections that are not listed because the channel is full. */
  readonly unlisted: readonly string[];
}

interface Channel {
  readonly epoch: string;
  position: number;
  readonly present: PresentConnections;
}

/** The presences of all channels in the memory of one process: a server's only one, or the supervisor's. */
export class PresenceLedger {
  readonly #channels = new Map<ChannelName, Channel>();
  /**
   * Channels without presences, the one that has been empty for longest first. Their positions continue, so that late
   * events do not need a new epoch.
   */
  readonly #empty = new Set<ChannelName>();
  readonly #longestEmpty = new OldestFirst(this.#empty);
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** See PresenceStore. */
  apply(owner: string, name: ChannelName, changes: readonly PresenceChange[], size: number): Applied {
    const known = this.#channels.get(name);
    if (known === undefined && !changes.some(({ kind }) => kind === "join")) return { update: undefined, unlisted: [] };
    const channel = known ?? this.#newChannel(name);
    const events: PresenceEvent[] = [];
    const unlisted: string[] = [];
    for (const change of changes) {
      const event =
        change.kind === "join"
          ? this.#join(owner, channel, change, change.hasPlace ? size : 0)
          : this.#end(channel, change);
      if (event === "full") unlisted.push(change.holder);
      else if (event !== undefined) events.push(event);
    }
    return { update: this.#updateOf(name, channel, events), unlisted };
  }

  /** Removes all presences that a worker holds. Yields the events that this causes. */
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

  #join(owner: string, channel: Channel, arrival: Arrival, size: number): PresenceEvent | "full" | undefined {
    const { present } = channel;
    const former = present.heldBy(arrival.holder) ?? present.successionFor(arrival);
    if (former !== undefined) {
      present.move(former, arrival.holder, owner);
      return undefined;
    }
    if (present.size >= size) return "full";
    channel.position++;
    return this.#event("joined", channel, present.add(arrival, owner, channel.position));
  }

  #end(channel: Channel, { kind, holder }: PresenceChange): PresenceEvent | undefined {
    const entry = channel.present.heldBy(holder);
    if (entry === undefined) return undefined;
    if (kind === "leave") return this.#remove(channel, entry);
    channel.present.release(entry);
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
    const oldest = this.#empty.size > mostEmpty ? this.#longestEmpty.next() : undefined;
    if (oldest === undefined) return;
    this.#empty.delete(oldest);
    this.#channels.delete(oldest);
  }
}

function presenceOf({ id, userId, info, since }: Entry) {
  return { id, userId, info, since };
}
