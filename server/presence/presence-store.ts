import type { ChannelName } from "../../protocol/channel-name.ts";
import type { JsonText } from "../../protocol/publication.ts";

/**
 * Keeps track of who is in which channel, for all workers of a server, and numbers the changes.
 *
 * Law: a snapshot and the events after it fit together. Each `joined` and each `left` of a channel has the position after
 * the one before, and (channel, epoch, position) never names two events. If positions cannot continue, for example because
 * the data was lost, the channel gets a new epoch. A presence is stored and announced in one step. Within an epoch,
 * `joined` and `left` of one presence alternate.
 *
 * Order: changes of one call take effect in order, and so do calls for one channel that wait for each other. Events of a
 * channel arrive in the order of their positions, but some may be missing after a break: the next position shows it, or
 * `onBreak` announces it.
 *
 * Failure: a call that rejects may have taken effect. All changes are idempotent, so they are sent again. A worker that is
 * gone takes its presences with it: the store removes them and announces that they left.
 */
export interface PresenceStore {
  /** Connects. From then on `events` are called, but never inside a call of this interface. Called once. */
  start(events: PresenceStoreEvents): Promise<void>;
  /**
   * Stores changes of presences that this worker holds. A connection that joins a channel with `size` presences, or one
   * whose worker has no memory left for presences (`hasPlace`), is not listed, unless it takes over a presence.
   * @returns the connections that are not listed
   * @throws ServiceError "broker-unavailable" if it is not known that all are stored
   */
  apply(channel: ChannelName, changes: readonly PresenceChange[], size: number): Promise<readonly string[]>;
  /**
   * Asks for the events of a channel. Resolves with the channel's position once no later event can be missed, except for
   * those that `onBreak` is about. Can be called again at any time.
   */
  watch(channel: ChannelName): Promise<PresencePosition>;
  unwatch(channel: ChannelName): void;
  /**
   * A page of the presences, in the order of their keys.
   * @throws ServiceError "broker-unavailable" if the store cannot be reached, or does not have all presences yet
   */
  read(channel: ChannelName, page: PresencePageRequest): Promise<PresencePage>;
  /** Disconnects. The remaining presences of this worker are removed soon, as if the worker had died. Idempotent. */
  close(): Promise<void>;
}

/** Callbacks of a store. They must not throw or wait. */
export interface PresenceStoreEvents {
  onEvents(channel: ChannelName, update: PresenceUpdate): void;
  /**
   * Events that this worker has caused, or found out about when another worker was gone. Each event of the server is
   * reported here on one worker only, no matter which workers watch the channel. If that worker or its connection fails at
   * that time, the event is reported on none.
   */
  onCaused(channel: ChannelName, update: PresenceUpdate): void;
  /** Events of all channels may have been missed. Watching a channel again tells its position. */
  onBreak(): void;
  /** The presences of this worker are not stored any more, or perhaps not all of them. They must be stored again. */
  onLost(): void;
}

/** The position of the latest event of a channel. */
export interface PresencePosition {
  /** `noEpoch` if nobody was in the channel recently. */
  readonly epoch: string;
  readonly position: number;
}

/** The epoch of a channel that the store knows nothing about. No event has it. */
export const noEpoch = "_";

/** A connection that is in a channel. */
export interface Presence {
  /** The connection that it began with. It stays the same while other connections of the same client take over. */
  readonly id: string;
  readonly userId: string | undefined;
  /** Information that others may see about the user. */
  readonly info: JsonText | undefined;
  /** When it joined, milliseconds since 1970. */
  readonly since: number;
}

/** A change of one connection in a channel. */
export type PresenceChange =
  /** It is in the channel. */
  | ({ readonly kind: "join"; readonly hasPlace: boolean } & Arrival)
  /** It has ended. Its presence remains until `leave`, and another connection of the same user may take it over. */
  | { readonly kind: "release"; readonly holder: string }
  /** It is not in the channel (any more). Does nothing if another connection has taken over its presence. */
  | { readonly kind: "leave"; readonly holder: string };

/**
 * A connection that joins a channel. Takes over the presence of `over`, or else one of the same user that was released;
 * nobody is told then. Without a user, the latter requires that it `resumes`, because two such presences cannot be
 * distinguished.
 */
export interface Arrival {
  /** The connection. */
  readonly holder: string;
  /** The connection that it continues. Ignored if that has another user, or no presence. */
  readonly over: string | undefined;
  readonly resumes: boolean;
  readonly userId: string | undefined;
  readonly info: JsonText | undefined;
  readonly since: number;
}

/** Events of one channel with consecutive positions. */
export interface PresenceUpdate {
  readonly epoch: string;
  readonly events: readonly PresenceEvent[];
}

export interface PresenceEvent {
  readonly kind: "joined" | "left";
  readonly position: number;
  /** Connections in the channel after this event. */
  readonly count: number;
  readonly presence: Presence;
  /** Milliseconds since 1970. */
  readonly at: number;
}

export interface PresencePageRequest {
  /** The key after which the page begins; "" for the first. */
  readonly after: string;
  /** At most this many presences. */
  readonly limit: number;
}

/** Some presences of a channel, and the position of the last event that they include. */
export interface PresencePage extends PresencePosition {
  /** Connections in the whole channel. */
  readonly count: number;
  readonly presences: readonly Presence[];
  /** Whether there are presences after these. */
  readonly hasMore: boolean;
}
