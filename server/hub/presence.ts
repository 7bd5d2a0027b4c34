import type { ChannelName } from "../../protocol/channel-name.ts";
import { isoTime } from "../../protocol/codec.ts";
import type { PresenceFrame } from "../../protocol/frames.ts";
import { limits } from "../../protocol/limits.ts";
import type { Peers } from "../cluster/peers.ts";
import type { Interest } from "../delivery/interest.ts";
import type { Clock } from "../lib/clock.ts";
import type { PresencePageRequest, PresenceStore, PresenceUpdate } from "../presence/presence-store.ts";
import { PresenceTracker } from "../presence/tracker.ts";
import type { PresenceNotification } from "../presence/watched-channels.ts";
import type { Session } from "../session/session.ts";
import type { Occupancy } from "./occupancy.ts";
import { answerOf, type ReadPage } from "./presence-answer.ts";
import { relay } from "./presence-relay.ts";

/** How late other workers may notice that this one has returned, milliseconds. */
const lateMs = 5000;
/** The topic of the question how many connections of a worker are not listed in a channel. */
const unlistedTopic = "unlisted";

/** Dependencies of presence. */
export interface PresenceParts {
  readonly store: PresenceStore;
  readonly interest: Pick<Interest, "get">;
  readonly occupancy: Occupancy;
  readonly peers: Pick<Peers, "on" | "ask" | "handle" | "announce" | "isAnyUnlisted">;
  readonly clock: Clock;
  /** Whether the clients in a channel are told who joins and leaves. */
  readonly hasEvents: (channel: ChannelName) => boolean;
  /** How many connections of a channel are tracked. */
  readonly presenceSize: number;
  /** How much memory this worker's tracked connections can take, over all channels. */
  readonly presenceBytes: number;
  /** Told once in the whole server of each join and leave. */
  readonly report?: PresenceReport | undefined;
}

/** Someone outside the server who is told about presence. */
export interface PresenceReport {
  isReported(channel: ChannelName): boolean;
  /** Must not throw or wait. */
  onPresence(channel: ChannelName, update: PresenceUpdate): void;
}

/**
 * Who is in a channel. Channels with presence events are tracked in the presence store, which numbers the events. For all
 * others the workers are asked, so that joining them costs nothing.
 */
export class HubPresence {
  readonly #parts: PresenceParts;
  readonly #tracker: PresenceTracker;

  constructor(parts: PresenceParts) {
    this.#parts = parts;
    const { store, clock, peers, presenceSize: size, presenceBytes } = parts;
    const settings = { clock, size, bytes: presenceBytes };
    this.#tracker = new PresenceTracker(store, settings, (channel, notification) => this.#tell(channel, notification));
    this.#tracker.onUnlisted = (hasUnlisted) => peers.announce({ hasUnlisted });
    peers.handle(unlistedTopic, (channel: ChannelName) => this.#tracker.unlistedIn(channel));
    peers.on("returned", () => {
      this.#tracker.storeAgain();
      // Another worker may notice the return late, and give presences to former connections until then.
      parts.clock.setTimeout(() => this.#tracker.storeAgain(), lateMs);
    });
    this.#tracker.onCaused = (channel, update) => {
      if (parts.report?.isReported(channel) === true) parts.report.onPresence(channel, update);
    };
  }

  /** How many connections of this worker are not listed because there is no room, in all channels together. */
  get unlisted(): number {
    return this.#tracker.unlisted;
  }

  start(): Promise<void> {
    return this.#tracker.start();
  }

  /** Disconnects from the store. Idempotent. */
  close(): Promise<void> {
    return this.#tracker.close();
  }

  /**
   * Resolves once a session that joins the channel misses no presence event; undefined if that is so already.
   * @throws errors of the store
   */
  ready(channel: ChannelName): Promise<void> | undefined {
    return this.#isTracked(channel) ? this.#tracker.watched.ready(channel) : undefined;
  }

  /** A welcomed session has joined a channel. */
  joined(session: Session, channel: ChannelName): void {
    const { formerId, resumes = false } = session.origin;
    if (this.#isTracked(channel)) this.#join(session, channel, formerId, resumes);
  }

  left(session: Session, channel: ChannelName): void {
    session.missedPresence?.delete(channel);
    if (this.#isTracked(channel)) this.#tracker.leave(channel, session.id);
  }

  /**
   * A session is about to be closed so that its client reconnects. Resolves once its presences can be taken over; undefined if it
   * has none.
   */
  release(session: Session): Promise<void> | undefined {
    const channels = Array.from(session.memberships.names()).filter((it) => this.#parts.hasEvents(it));
    return channels.length === 0 ? undefined : this.#tracker.release(session.id, channels);
  }

  /** A session has ended, and was in these channels. */
  ended(session: Session, channels: readonly ChannelName[]): void {
    this.#tracker.end(
      session.id,
      channels.filter((it) => this.#isTracked(it)),
    );
  }

  /** The connection that was to continue this session's has failed: the presences that it took over are this session's again. */
  reclaim(session: Session, by: string): void {
    for (const channel of session.memberships.names()) {
      if (this.#isTracked(channel)) this.#join(session, channel, by, false);
    }
  }

  /** The socket has room again: the session is told that it missed events. */
  drained(session: Session): void {
    const { missedPresence } = session;
    if (missedPresence === undefined || session.isBlocked) return;
    session.missedPresence = undefined;
    for (const channel of missedPresence) {
      session.sendFrame({ type: "presence", event: "reset", channel, timestamp: isoTime(this.#parts.clock.now()) });
    }
  }

  /** @param page "" or the `next` of an answer. @throws ServiceError "broker-unavailable", or "invalid-field" for another page */
  async read(channel: ChannelName, page: string): Promise<PresenceFrame> {
    return answerOf(channel, page, (after) => {
      const asked = { after, limit: limits.presenceMembers };
      return this.#parts.hasEvents(channel)
        ? this.#readTracked(channel, asked)
        : this.#parts.occupancy.read(channel, asked);
    });
  }

  /** The number of connections, listed or not. @throws ServiceError "broker-unavailable" */
  async count(channel: ChannelName): Promise<number> {
    const asked = { after: "", limit: 0 };
    if (!this.#parts.hasEvents(channel)) return (await this.#parts.occupancy.read(channel, asked)).count;
    const { count, unlisted = 0 } = await this.#readTracked(channel, asked);
    return count + unlisted;
  }

  async #readTracked(channel: ChannelName, asked: PresencePageRequest): Promise<ReadPage> {
    const { peers } = this.#parts;
    const page = await this.#tracker.read(channel, asked);
    if (!peers.isAnyUnlisted) return page;
    let unlisted = this.#tracker.unlistedIn(channel);
    for (const { body } of await peers.ask(unlistedTopic, channel)) unlisted += Number(body ?? 0);
    return unlisted > 0 ? { ...page, unlisted } : page;
  }

  #join({ id, userId, identity }: Session, channel: ChannelName, over: string | undefined, resumes: boolean): void {
    const since = this.#parts.clock.now();
    this.#tracker.join(channel, { holder: id, over, resumes, userId, info: identity.info, since });
  }

  #isTracked(channel: ChannelName): boolean {
    return this.#parts.hasEvents(channel) || this.#parts.report?.isReported(channel) === true;
  }

  #tell(channel: ChannelName, notification: PresenceNotification): void {
    if (!this.#parts.hasEvents(channel)) return;
    const found = this.#parts.interest.get(channel);
    if (found !== undefined) relay(found, notification, isoTime(this.#parts.clock.now()));
  }
}
