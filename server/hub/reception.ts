import { getLogger } from "@logtape/logtape";
import type { ChannelName } from "../../protocol/channel-name.ts";
import { ServiceError } from "../../protocol/errors.ts";
import type { ServerFrame } from "../../protocol/frames.ts";
import type { Access } from "../auth/access.ts";
import type { Identity } from "../auth/identity.ts";
import type { Peers } from "../cluster/peers.ts";
import type { Delivery } from "../delivery/delivery.ts";
import type { Clock } from "../lib/clock.ts";
import { randomId } from "../lib/random-id.ts";
import type { Connection, StallCause } from "../session/connection.ts";
import { Session } from "../session/session.ts";
import { Admission, type AdmissionLimits, type Seat } from "./admission.ts";
import type { Admitted, Arrival, ForbiddenChannel } from "./arrival.ts";
import type { Connections } from "./connections.ts";
import type { ResumeKeys } from "./resume-keys.ts";
import { type Predecessor, Succession } from "./succession.ts";
import { type ClaimEvents, UserClaims } from "./user-claims.ts";
import { Welcome, type WelcomeSettings } from "./welcome.ts";

const log = () => getLogger(["fanfare", "hub"]);

export interface ReceptionSettings extends AdmissionLimits, WelcomeSettings {
  readonly userConnections: "many" | "reject" | "replace";
}

/** Whom reception works with. */
export interface ReceptionParts {
  readonly access: Access;
  readonly connections: Connections;
  readonly delivery: Delivery;
  readonly peers: Peers;
  readonly resumeKeys: ResumeKeys;
  readonly clock: Clock;
  /** The welcome is on its way; from now on the session is one of many. */
  onWelcomed(session: Session, isContinued: boolean): void;
}

/** Lets connections in, has them welcomed, and sees them out. */
export class Reception {
  /** Set while nobody is let in any more. */
  closedBecause: ServiceError | undefined;
  /** Plain additions, read by the scraper. */
  readonly counts = { admitted: 0, refused: 0 };
  readonly #settings: ReceptionSettings;
  readonly #parts: ReceptionParts;
  readonly #admission: Admission;
  /** Undefined where a user may have many. */
  readonly #claims: UserClaims | undefined;
  readonly #welcome: Welcome;
  /** Who holds a claim or waits for one and is not open yet; who is replaced meanwhile is taken out. */
  readonly #onTheWay = new Set<string>();
  readonly #succession: Succession;

  constructor(settings: ReceptionSettings, parts: ReceptionParts) {
    this.#settings = settings;
    this.#parts = parts;
    this.#admission = new Admission(settings);
    this.#welcome = new Welcome(settings, { ...parts, isHere: (session) => this.#isHere(session) });
    const freed = (session: Session, by: string) => this.#giveUserBack(session, by);
    this.#succession = new Succession(parts.connections, parts.peers, freed);
    const { userConnections } = settings;
    const claimEvents: ClaimEvents = {
      onReplaced: (id) => this.#replaced(id),
      onProbe: (id) => parts.connections.byId(id)?.onProbe?.(),
    };
    this.#claims = userConnections === "many" ? undefined : new UserClaims(userConnections, parts.peers, claimEvents);
  }

  /**
   * Who it is, what it may, and whether there is room; takes a seat. At once unless a token has to be looked at, or the
   * other workers have to agree.
   * @throws ServiceError
   */
  admit(arrival: Arrival): Admitted | Promise<Admitted> {
    this.counts.refused++; // until the seat is taken
    const identity = this.identify(arrival);
    return identity instanceof Promise ? identity.then((it) => this.#seat(arrival, it)) : this.#seat(arrival, identity);
  }

  /** Who it is. Takes no seat. @throws ServiceError, at once or by the promise, where the server lets nobody like this in */
  identify({ userId, token }: Arrival): Identity | Promise<Identity> {
    return this.#parts.access.identify({ userId, token });
  }

  /** The handshake came to nothing after all. */
  giveUp({ seat, connectionId }: Admitted): void {
    this.#onTheWay.delete(connectionId);
    this.#giveBack(seat, connectionId);
  }

  /** @param onReady called once the welcome is out: in this turn where all channels are at hand */
  open(admitted: Admitted, connection: Connection, onReady: () => void): Session {
    const { connections, delivery, clock } = this.#parts;
    const { arrival, identity } = admitted;
    const { ip, remote } = arrival;
    const origin = { id: admitted.connectionId, ip, remote, connectedAt: clock.now() };
    const session = new Session(origin, identity, connection);
    connection.onDrain = () => delivery.drained(session);
    connection.onStall = (cause) => endStalled(session, cause);
    session.onFull = () => delivery.block(session);
    connections.add(session);
    if (this.#wasReplaced(session)) {
      queueMicrotask(() => session.close({ name: "replaced" })); // its transport does not know it before this turn ends
      return session;
    }
    const isContinued = this.#succession.predecessorOf(session.id) !== undefined;
    const onWelcomed = () => {
      for (const { channel, error } of admitted.forbidden) session.sendFrame(refusalFrame(channel, error));
      this.#parts.onWelcomed(session, isContinued);
      if (session.isLevel) this.settled(session);
      onReady();
    };
    this.#welcome.prepare(session, withoutForbidden(admitted), {
      isNews: this.#settings.notices && !isContinued,
      warnings: arrival.warnings ?? [],
      onWelcomed,
    });
    return session;
  }

  /** The socket is gone. @returns whether others should hear of it */
  ended(session: Session): boolean {
    if (!this.#isHere(session)) return false;
    const { connections, delivery } = this.#parts;
    connections.remove(session);
    delivery.leaveAll(session);
    this.#giveBack({ ip: session.origin.ip, userId: session.userId }, session.id);
    const wasContinued = this.#succession.ended(session.id);
    const isNews = session.isWelcomed && !wasContinued;
    const { roster } = this.#parts.peers;
    if (session.isWelcomed) roster.count(session.userId, -1, this.#settings.notices && isNews);
    log().info("Client disconnected: {remote}. Total clients: {total}", {
      remote: session.origin.remote,
      total: roster.online,
    });
    return isNews;
  }

  /** All channels of the session are level: whom it continues may go. */
  settled(session: Session): void {
    this.#succession.settled(session.id);
  }

  /** Whom it was to continue is the user's connection again, if it is still there. */
  #giveBack(seat: Seat, connectionId: string): void {
    this.#admission.leave(seat);
    const heir = this.#succession.givenUp(connectionId);
    if (seat.userId !== undefined) this.#claims?.giveBack(seat.userId, connectionId, heir?.id);
  }

  /** A newcomer elsewhere had the user of this one, and came to nothing. */
  #giveUserBack({ userId, id }: Session, by: string): void {
    if (userId !== undefined) this.#claims?.takeBack(userId, id, by);
  }

  /** Somebody newer has its user. */
  #replaced(connectionId: string): void {
    this.#onTheWay.delete(connectionId);
    this.#parts.connections.byId(connectionId)?.close({ name: "replaced" });
  }

  /** Whether it lost its user before it was open. */
  #wasReplaced({ id, userId }: Session): boolean {
    return this.#claims !== undefined && userId !== undefined && !this.#onTheWay.delete(id);
  }

  #isHere(session: Session): boolean {
    return this.#parts.connections.byId(session.id) === session;
  }

  #seat(arrival: Arrival, identity: Identity): Admitted | Promise<Admitted> {
    if (this.closedBecause !== undefined) throw this.closedBecause;
    const forbidden = this.#forbidden(arrival, identity);
    if (arrival.channels.length > this.#settings.maxChannels) {
      throw new ServiceError(
        "too-many-channels",
        `channel: expected at most ${this.#settings.maxChannels} per connection`,
      );
    }
    const connectionId = `c_${randomId(12)}`;
    const seat = { ip: arrival.ip, userId: identity.userId };
    const admitted = { arrival, identity, connectionId, seat, forbidden };
    const predecessor = this.#predecessorOf(admitted);
    return predecessor instanceof Promise
      ? predecessor.then((it) => this.#enter(admitted, it))
      : this.#enter(admitted, predecessor);
  }

  /** @throws ServiceError for the first forbidden channel, unless the others are wanted all the same */
  #forbidden({ channels, servesAllowed = false }: Arrival, identity: Identity): readonly ForbiddenChannel[] {
    const forbidden: ForbiddenChannel[] = [];
    for (const channel of channels) {
      try {
        this.#parts.access.checkSubscribe(identity, channel);
      } catch (error) {
        if (!servesAllowed || !(error instanceof ServiceError)) throw error;
        forbidden.push({ channel, error });
      }
    }
    return forbidden;
  }

  #enter(admitted: Admitted, predecessor: Predecessor | undefined): Admitted | Promise<Admitted> {
    const { seat, connectionId } = admitted;
    try {
      if (this.closedBecause !== undefined) throw this.closedBecause; // the others took their time to answer
      this.#admission.enter(seat, predecessor !== undefined || this.#settings.userConnections === "replace");
    } catch (error) {
      this.#succession.givenUp(connectionId);
      throw error;
    }
    return seat.userId === undefined || this.#claims === undefined
      ? this.#counted(admitted)
      : this.#claim(admitted, seat.userId, this.#claims);
  }

  async #claim(admitted: Admitted, userId: string, claims: UserClaims): Promise<Admitted> {
    const { connectionId, seat } = admitted;
    const predecessorId = this.#succession.predecessorOf(connectionId)?.id;
    this.#onTheWay.add(connectionId);
    try {
      await claims.take({ userId, connectionId, predecessorId });
      return this.#counted(admitted);
    } catch (error) {
      this.#onTheWay.delete(connectionId);
      this.#succession.givenUp(connectionId);
      this.#admission.leave(seat);
      throw error;
    }
  }

  #counted(admitted: Admitted): Admitted {
    this.counts.refused--;
    this.counts.admitted++;
    return admitted;
  }

  #predecessorOf({ arrival, connectionId, seat }: Admitted): ReturnType<Succession["find"]> {
    const { takesOver } = arrival;
    const old = takesOver === undefined ? undefined : this.#parts.resumeKeys.connectionOf(takesOver);
    return old === undefined ? undefined : this.#succession.find(old, connectionId, seat.userId);
  }
}

function withoutForbidden({ arrival, forbidden }: Admitted): Arrival {
  if (forbidden.length === 0) return arrival;
  const names = new Set(forbidden.map(({ channel }) => channel));
  return { ...arrival, channels: arrival.channels.filter((it) => !names.has(it)) };
}

function refusalFrame(channel: ChannelName, { code, message }: ServiceError): ServerFrame {
  return { type: "error", code, message, channel };
}

/** It may come back and goes on where it was. */
function endStalled(session: Session, cause: StallCause): void {
  if (cause === "no-progress") session.close({ name: "too-slow" });
  else session.drop({ name: "too-slow", text: "too much waits for slow readers" });
}
