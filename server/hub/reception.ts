import { getLogger } from "@logtape/logtape";
import { ServiceError } from "../../protocol/errors.ts";
import type { Access } from "../auth/access.ts";
import type { Identity } from "../auth/identity.ts";
import type { Peers } from "../cluster/peers.ts";
import type { Clock } from "../lib/clock.ts";
import { randomId } from "../lib/random-id.ts";
import type { Connection } from "../session/connection.ts";
import { Session } from "../session/session.ts";
import { Admission, type AdmissionLimits, type Seat } from "./admission.ts";
import type { Admitted, Arrival } from "./arrival.ts";
import type { Connections } from "./connections.ts";
import type { Delivery } from "./delivery.ts";
import type { ResumeKeys } from "./resume-keys.ts";
import { UserClaims } from "./user-claims.ts";
import { Welcome, type WelcomeSettings } from "./welcome.ts";

const log = () => getLogger(["fanfare", "hub"]);

export interface ReceptionSettings extends AdmissionLimits, WelcomeSettings {
  readonly userConnections: "many" | "reject" | "replace";
  /** Channels per connection, `all` and one's own not counted. */
  readonly maxChannels: number;
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
  /** Who continues whom, and who is continued by whom. */
  readonly #predecessors = new Map<Session, Session>();
  readonly #successors = new Map<Session, Session>();

  constructor(settings: ReceptionSettings, parts: ReceptionParts) {
    this.#settings = settings;
    this.#parts = parts;
    this.#admission = new Admission(settings);
    this.#welcome = new Welcome(settings, { ...parts, isHere: (session) => this.#isHere(session) });
    const { userConnections } = settings;
    const replaced = (id: string) => this.#replaced(id);
    this.#claims = userConnections === "many" ? undefined : new UserClaims(userConnections, parts.peers, replaced);
  }

  /**
   * Who it is, what it may, and whether there is room; takes a seat. At once unless a token has to be looked at, or the
   * other workers have to agree.
   * @throws ServiceError
   */
  admit(arrival: Arrival): Admitted | Promise<Admitted> {
    this.counts.refused++; // until the seat is taken
    const identity = this.#parts.access.identify({ userId: arrival.userId, token: arrival.token });
    return identity instanceof Promise ? identity.then((it) => this.#seat(arrival, it)) : this.#seat(arrival, identity);
  }

  /** The handshake came to nothing after all. */
  giveUp({ seat, connectionId, predecessor }: Admitted): void {
    this.#onTheWay.delete(connectionId);
    this.#giveBack(seat, connectionId, predecessor);
  }

  /** @param onReady called once the welcome is out: in this turn where all channels are at hand */
  open(admitted: Admitted, connection: Connection, onReady: () => void): Session {
    const { connections, delivery, clock } = this.#parts;
    const { arrival, identity } = admitted;
    const predecessor = this.#isFree(admitted.predecessor) ? admitted.predecessor : undefined;
    const { ip, remote } = arrival;
    const origin = { id: admitted.connectionId, ip, remote, connectedAt: clock.now() };
    const session = new Session(origin, identity, connection);
    connection.onDrain = () => delivery.drained(session);
    if (predecessor !== undefined) {
      this.#successors.set(predecessor, session);
      this.#predecessors.set(session, predecessor);
    }
    connections.add(session);
    if (this.#wasReplaced(session)) {
      queueMicrotask(() => session.close({ name: "replaced" })); // its transport does not know it before this turn ends
      return session;
    }
    const isContinued = predecessor !== undefined;
    const onWelcomed = () => {
      this.#parts.onWelcomed(session, isContinued);
      if (session.isLevel) this.settled(session);
      onReady();
    };
    this.#welcome.prepare(session, arrival, { isNews: this.#settings.notices && !isContinued, onWelcomed });
    return session;
  }

  /** The socket is gone. @returns whether others should hear of it */
  ended(session: Session): boolean {
    if (!this.#isHere(session)) return false;
    const { connections, delivery } = this.#parts;
    connections.remove(session);
    delivery.leaveAll(session);
    const predecessor = this.#predecessors.get(session);
    this.#giveBack({ ip: session.origin.ip, userId: session.userId }, session.id, predecessor);
    if (predecessor !== undefined) this.#successors.delete(predecessor);
    this.#predecessors.delete(session);
    const successor = this.#successors.get(session);
    if (successor !== undefined) this.#predecessors.delete(successor);
    const wasContinued = this.#successors.delete(session);
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
    this.#predecessors.get(session)?.close({ name: "normal", text: "continued by a newer connection" });
  }

  /** @param predecessor whom it was to continue: if that one is still there, it is the user's connection again */
  #giveBack(seat: Seat, connectionId: string, predecessor: Session | undefined): void {
    this.#admission.leave(seat);
    if (seat.userId === undefined) return;
    const heir = predecessor !== undefined && this.#isHere(predecessor) ? predecessor.id : undefined;
    this.#claims?.giveBack(seat.userId, connectionId, heir);
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
    const { access } = this.#parts;
    for (const channel of arrival.channels) access.checkSubscribe(identity, channel);
    if (arrival.channels.length > this.#settings.maxChannels) {
      throw new ServiceError(
        "too-many-channels",
        `channel: expected at most ${this.#settings.maxChannels} per connection`,
      );
    }
    const predecessor = this.#predecessorOf(arrival, identity);
    const { userId } = identity;
    const seat = { ip: arrival.ip, userId };
    this.#admission.enter(seat, predecessor !== undefined || this.#settings.userConnections === "replace");
    const admitted = { arrival, identity, connectionId: `c_${randomId(12)}`, seat, predecessor };
    return userId === undefined || this.#claims === undefined
      ? this.#counted(admitted)
      : this.#claim(admitted, userId, this.#claims);
  }

  async #claim(admitted: Admitted, userId: string, claims: UserClaims): Promise<Admitted> {
    const { connectionId, seat, predecessor } = admitted;
    this.#onTheWay.add(connectionId);
    try {
      await claims.take({ userId, connectionId, predecessorId: predecessor?.id });
      return this.#counted(admitted);
    } catch (error) {
      this.#onTheWay.delete(connectionId);
      this.#admission.leave(seat);
      throw error;
    }
  }

  #counted(admitted: Admitted): Admitted {
    this.counts.refused--;
    this.counts.admitted++;
    return admitted;
  }

  #predecessorOf({ takesOver }: Arrival, { userId }: Identity): Session | undefined {
    if (takesOver === undefined) return undefined;
    const id = this.#parts.resumeKeys.connectionOf(takesOver);
    const session = id === undefined ? undefined : this.#parts.connections.byId(id);
    return this.#isFree(session) && session?.userId === userId ? session : undefined;
  }

  /** Whether somebody is there to be continued, and nobody does it yet. */
  #isFree(session: Session | undefined): boolean {
    return session !== undefined && this.#isHere(session) && !this.#successors.has(session);
  }
}
