import { type ChannelName, isServerChannel } from "../../protocol/channel-name.ts";
import { present } from "../../protocol/codec.ts";
import { ServiceError } from "../../protocol/errors.ts";
import type { Access } from "../auth/access.ts";
import type { Delivery } from "../delivery/delivery.ts";
import type { Clock } from "../lib/clock.ts";
import type { Session } from "../session/session.ts";
import type { ConnectionFacts, MembershipFacts, SubscribeRule } from "../trace/facts.ts";
import type { Journal } from "../trace/journal.ts";
import type { DatedRefusal, Departure } from "../trace/records.ts";
import type { Connections } from "./connections.ts";

/** The most connections that one worker explains in one answer. */
const maxConnections = 100;

/** Whose connections are asked about, and in which channel. */
export interface FactsQuery {
  readonly channel: ChannelName;
  readonly user?: string;
  readonly connection?: string;
}

/** The facts that one worker knows. JSON values only; the times are those of the wall clock. */
export interface WorkerFacts {
  /** Open ones first, then those that ended recently. */
  readonly connections: readonly ConnectionFacts[];
  /** How many more there are. */
  readonly more: number;
  /** Refusals of the user, and refusals in the channel. Oldest first. */
  readonly refusals: readonly DatedRefusal[];
}

export interface FactsParts {
  readonly connections: Connections;
  readonly delivery: Delivery;
  readonly access: Access;
  readonly journal: Journal;
  readonly ruleOf: (channel: ChannelName) => SubscribeRule;
  readonly clock: Pick<Clock, "now" | "monotonic">;
}

/** Collects what this worker knows about connections and a channel, from their cursors and from the journal. */
export class FactsCollector {
  readonly #parts: FactsParts;

  constructor(parts: FactsParts) {
    this.#parts = parts;
  }

  collect(query: FactsQuery): WorkerFacts {
    const open = this.#sessions(query).map((session) => this.#ofSession(session, query.channel));
    const ended = this.#departures(query).map((departure) => this.#ofDeparture(departure, query.channel));
    const all = [...open, ...ended.toReversed()];
    const shown = all.slice(0, maxConnections);
    return { connections: shown, more: all.length - shown.length, refusals: this.#refusals(query) };
  }

  #sessions({ user, connection }: FactsQuery): readonly Session[] {
    const { connections } = this.#parts;
    if (connection === undefined) return user === undefined ? [] : [...connections.ofUser(user)];
    const session = connections.byId(connection);
    return session === undefined || (user !== undefined && session.userId !== user) ? [] : [session];
  }

  #departures({ user, connection }: FactsQuery): readonly Departure[] {
    const { journal } = this.#parts;
    if (connection === undefined) return user === undefined ? [] : journal.departuresOf(user);
    const departure = journal.departureOf(connection);
    return departure === undefined || (user !== undefined && departure.user !== user) ? [] : [departure];
  }

  #refusals({ user, channel }: FactsQuery): readonly DatedRefusal[] {
    const { journal } = this.#parts;
    const ofUser = user === undefined ? [] : journal.refusalsOfUser(user).filter(({ what }) => what === "connection");
    const ofChannel = journal.refusalsOfChannel(channel).filter(({ id }) => id !== undefined);
    return [...ofUser, ...ofChannel].map((it) => ({ ...it, at: this.#wall(it.at) }));
  }

  #ofSession(session: Session, channel: ChannelName): ConnectionFacts {
    const { journal } = this.#parts;
    const { id, userId, origin, connection, isBlocked } = session;
    const membership = this.#membershipOf(session, channel);
    const forbidden = this.#whyForbidden(session, channel);
    return {
      connection: id,
      ...present({ user: userId, membership, forbidden }),
      remote: origin.remote,
      connectedTime: origin.connectedAt,
      bufferedBytes: connection.buffered(),
      isFull: isBlocked,
      ...this.#aboutChannel(channel),
      notes: journal.notesOf(id, channel).map((it) => ({ ...it, at: this.#wall(it.at) })),
    };
  }

  #ofDeparture(departure: Departure, channel: ChannelName): ConnectionFacts {
    const { connection, user, remote, connectedAt, at, closed, wasFull, channels, notes } = departure;
    const coverage = channels.find((it) => it.channel === channel);
    return {
      connection,
      ...present({ user }),
      remote,
      connectedTime: this.#wall(connectedAt),
      bufferedBytes: 0,
      isFull: false,
      ...this.#aboutChannel(channel),
      notes: notes.filter((it) => it.channel === channel).map((it) => ({ ...it, at: this.#wall(it.at) })),
      ended: { at: this.#wall(at), closed, wasFull, ...present({ coverage }) },
    };
  }

  #aboutChannel(channel: ChannelName): Pick<ConnectionFacts, "gaps" | "rule"> {
    const { match, subscribe } = this.#parts.ruleOf(channel);
    const gaps = this.#parts.journal.gapsOf(channel).map((it) => ({ ...it, at: this.#wall(it.at) }));
    return { gaps, rule: { ...present({ match }), subscribe } };
  }

  #membershipOf(session: Session, name: ChannelName): MembershipFacts | undefined {
    const membership = session.memberships.get(name);
    const channel = this.#parts.delivery.interest.get(name);
    if (membership === undefined || channel === undefined) return undefined;
    const { after, cursor, joinedAt, recovered } = membership;
    const { epoch, flushed, tail } = channel;
    return { epoch, after, cursor, flushed, head: tail.head, joinedTime: joinedAt, ...present({ recovered }) };
  }

  #whyForbidden({ identity }: Session, channel: ChannelName): string | undefined {
    // The application is not asked: its answer may cost something, or change something.
    if (isServerChannel(channel) || this.#parts.ruleOf(channel).subscribe === "hook") return undefined;
    try {
      void this.#parts.access.checkSubscribe(identity, channel);
      return undefined;
    } catch (error) {
      if (error instanceof ServiceError) return error.message;
      throw error;
    }
  }

  /** The time of a record by the wall clock as it is set now. */
  #wall(at: number): number {
    const { clock } = this.#parts;
    return Math.round(clock.now() - (clock.monotonic() - at));
  }
}
