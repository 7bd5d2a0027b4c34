import type { CloseReason } from "../../protocol/close-codes.ts";
import type { ServiceError } from "../../protocol/errors.ts";
import type { Access } from "../auth/access.ts";
import type { Identity } from "../auth/identity.ts";
import type { Peers } from "../cluster/peers.ts";
import type { Announcement } from "../cluster/roster.ts";
import type { Delivery } from "../delivery/delivery.ts";
import { andThen } from "../lib/and-then.ts";
import type { Clock } from "../lib/clock.ts";
import { onFailure } from "../lib/on-failure.ts";
import { randomId } from "../lib/random-id.ts";
import type { Budgets } from "../limits/budgets.ts";
import type { MemoryGuard } from "../limits/memory-guard.ts";
import type { Connection } from "../session/connection.ts";
import { Session, type SessionEvents } from "../session/session.ts";
import { Admission, type AdmissionLimits } from "./admission.ts";
import { checkHandshake } from "./check-handshake.ts";
import type { Connections } from "./connections.ts";
import { endStalled } from "./end-stalled.ts";
import { refusalFrame, withoutForbidden } from "./forbidden-channels.ts";
import type { Admitted, Handshake } from "./handshake.ts";
import { logConnection } from "./log-connection.ts";
import { isExpectedToReconnect } from "./moves.ts";
import type { HubPresence } from "./presence.ts";
import type { ResumeKeys } from "./resume-keys.ts";
import type { SessionRecords } from "./session-records.ts";
import { type Predecessor, Succession } from "./succession.ts";
import { type ClaimEvents, UserClaims } from "./user-claims.ts";
import { Welcome, type WelcomeDetails, type WelcomeSettings } from "./welcome.ts";

export interface ReceptionSettings extends AdmissionLimits, WelcomeSettings {
  readonly userConnections: "many" | "reject" | "replace";
}

/** Dependencies of reception. */
export interface ReceptionParts {
  readonly access: Access;
  readonly budgets: Budgets;
  readonly connections: Connections;
  readonly delivery: Delivery;
  readonly presence: HubPresence;
  readonly peers: Peers;
  readonly resumeKeys: ResumeKeys;
  readonly records: SessionRecords;
  readonly clock: Clock;
  readonly memory: Pick<MemoryGuard, "check"> | undefined;
  /** Called when the welcome has been sent. */
  onWelcomed(session: Session, announcement: Announcement): void;
}

/** Admits connections, opens their sessions, and cleans up when they end. */
export class Reception {
  /** Set while new connections are refused. */
  closedBecause: ServiceError | undefined;
  /** Plain additions, read by the metrics scraper. */
  readonly counts = { admitted: 0, refused: 0 };
  readonly #settings: ReceptionSettings;
  readonly #parts: ReceptionParts;
  readonly #admission: Admission;
  /** Undefined if a user may have several connections. */
  readonly #claims: UserClaims | undefined;
  readonly #welcome: Welcome;
  readonly #succession: Succession;
  readonly #events: SessionEvents;

  constructor(settings: ReceptionSettings, parts: ReceptionParts) {
    this.#settings = settings;
    this.#parts = parts;
    const openOf = (userId: string) => parts.connections.countOf(userId) + parts.peers.roster.elsewhere(userId);
    this.#admission = new Admission(settings, openOf);
    this.#welcome = new Welcome(settings, { ...parts, isHere: (session) => this.#isHere(session) });
    const freed = (session: Session, by: string) => this.#reclaim(session, by);
    this.#succession = new Succession(parts.connections, parts.peers, parts.clock, freed);
    const { userConnections } = settings;
    const claimEvents: ClaimEvents = {
      onReplaced: (id) => parts.connections.byId(id)?.close({ name: "replaced" }),
      onProbe: (id) => this.#probe(id),
    };
    this.#events = {
      onDrain: (session) => {
        parts.delivery.drained(session);
        parts.presence.drained(session);
      },
      onStall: endStalled,
      onFull: parts.delivery.block,
    };
    this.#claims = userConnections === "many" ? undefined : new UserClaims(userConnections, parts.peers, claimEvents);
  }

  /**
   * Identifies the client, checks what it may do and whether there is room, and counts it. Synchronous unless a token must be
   * verified or other workers must be asked.
   * @throws ServiceError
   */
  admit(handshake: Handshake): Admitted | Promise<Admitted> {
    this.counts.refused++; // corrected once it is admitted
    let known: Identity | undefined;
    const admit = (identity: Identity) => {
      known = identity;
      return this.#checkAndReserve(handshake, identity);
    };
    return onFailure(
      () => andThen(this.identify(handshake), admit),
      (error) => this.#parts.records.refusedConnection(handshake, known, error),
    );
  }

  /**
   * Identifies the client without counting it as a connection. Counts the attempt for its address, since checking a token
   * takes time.
   * @throws ServiceError, synchronously or as a rejection, if it is not accepted
   */
  identify({ userId, token, ip }: Handshake): Identity | Promise<Identity> {
    this.#parts.budgets.accountOfAddress(ip).charge("handshakes");
    return this.#parts.access.identify({ userId, token });
  }

  /** How many more connections may be admitted. */
  get room(): number {
    return this.#admission.room;
  }

  /** The handshake failed after it was admitted. */
  cancel({ reservation, connectionId }: Admitted): void {
    this.#admission.cancel(reservation);
    this.#releaseUser(reservation.userId, connectionId);
  }

  /** @param onReady called once the welcome is sent: in this turn if all channels are available already */
  open(admitted: Admitted, connection: Connection, onReady: (session: Session) => void): Session {
    const { connections, clock } = this.#parts;
    const { handshake, identity } = admitted;
    const { ip, remote } = handshake;
    const formerId = this.#formerIdOf(admitted);
    // Without a position or an earlier connection, it may still be a client of a worker that drains.
    const isKnown = handshake.takesOver !== undefined || handshake.since instanceof Map;
    const resumes = isKnown || this.#parts.peers.isAnyDraining;
    const origin = { id: admitted.connectionId, ip, remote, connectedAt: clock.now(), resumes };
    const session = new Session(formerId === undefined ? origin : { ...origin, formerId }, identity, connection);
    session.events = this.#events;
    connection.owner = session;
    connections.add(session);
    this.#admission.opened(admitted.reservation);
    const refusal = this.#refusalOf(session);
    if (refusal !== undefined) {
      queueMicrotask(() => session.close(refusal)); // its transport has the session only after this turn
      return session;
    }
    const announcement = this.#announcementOf(session);
    const onWelcomed: WelcomeDetails["onWelcomed"] = (refused) => {
      for (const { channel, error } of [...admitted.forbidden, ...refused]) {
        session.sendFrame(refusalFrame(channel, error));
        this.#parts.records.refusedChannel(session, channel, error);
      }
      this.#parts.onWelcomed(session, announcement);
      if (session.isLevel) this.caughtUp(session);
      onReady(session);
    };
    this.#welcome.prepare(session, withoutForbidden(admitted), {
      announcement,
      warnings: handshake.warnings ?? [],
      onWelcomed,
    });
    return session;
  }

  /** The socket was closed. @returns whether others are notified */
  ended(session: Session): Announcement {
    if (!this.#isHere(session)) return false;
    const { connections, delivery, peers, presence } = this.#parts;
    connections.remove(session);
    // First of all, because a connection that another one continues takes nothing with it.
    const wasContinued = this.#succession.ended(session.id);
    if (session.isWelcomed) presence.ended(session, session.memberships.names());
    delivery.leaveAll(session);
    this.#admission.leave(session.origin.ip);
    this.#releaseUser(session.userId, session.id);
    const isAnnounced = this.#settings.notices && session.isWelcomed && !wasContinued;
    const announcement = isAnnounced && isExpectedToReconnect(session, peers.isDraining) ? "pause" : isAnnounced;
    if (session.isWelcomed) peers.roster.count(session.userId, -1, announcement);
    logConnection("disconnected", session, peers.roster.online);
    return announcement;
  }

  /** All channels of the session are level, so the connection it continues can be closed. */
  caughtUp(session: Session): void {
    this.#succession.caughtUp(session.id);
  }

  /** Returns the user's claim to the connection that this one was to continue, if it is still open. */
  #releaseUser(userId: string | undefined, connectionId: string): void {
    const successor = this.#succession.cancelled(connectionId);
    if (successor !== undefined) this.#parts.presence.reclaim(successor, connectionId);
    if (userId !== undefined) this.#claims?.release(userId, connectionId, successor?.id);
  }

  /** A connection on another worker had taken over this one's user and has failed. */
  #reclaim(session: Session, by: string): void {
    const { userId, id } = session;
    if (userId !== undefined) this.#claims?.reclaim(userId, id, by);
    this.#parts.presence.reclaim(session, by);
  }

  #probe(connectionId: string): "open" | "gone" {
    const session = this.#parts.connections.byId(connectionId);
    session?.connection.probe();
    return session === undefined ? "gone" : "open";
  }

  /** Why a session that was admitted must not stay: what happened before it was open. */
  #refusalOf(session: Session): CloseReason | undefined {
    if (this.#wasReplaced(session)) return { name: "replaced" };
    const text = this.#parts.access.whyBlocked(session.identity);
    return text === undefined ? undefined : { name: "disconnected", text };
  }

  /** Whether it was replaced before it was open. */
  #wasReplaced({ id, userId }: Session): boolean {
    return this.#claims !== undefined && userId !== undefined && !this.#claims.opened(id);
  }

  /** A client that was here before cancels out one that the server closed so that it reconnects. */
  #announcementOf({ id, origin }: Session): Announcement {
    if (!this.#settings.notices || this.#succession.predecessorOf(id) !== undefined) return false;
    return origin.resumes === true ? "pause" : true;
  }

  #isHere(session: Session): boolean {
    return this.#parts.connections.byId(session.id) === session;
  }

  #checkAndReserve(handshake: Handshake, identity: Identity): Admitted | Promise<Admitted> {
    if (this.closedBecause !== undefined) throw this.closedBecause;
    const { maxChannels } = this.#settings;
    return andThen(checkHandshake({ ...this.#parts, maxChannels }, handshake, identity), (forbidden) =>
      this.#reserve({ handshake, identity, forbidden }),
    );
  }

  #reserve(checked: Pick<Admitted, "handshake" | "identity" | "forbidden">): Admitted | Promise<Admitted> {
    const { handshake, identity } = checked;
    const reservation = { ip: handshake.ip, userId: identity.userId };
    const admitted = { ...checked, connectionId: `c_${randomId(12)}`, reservation };
    const predecessor = this.#predecessorOf(admitted);
    return predecessor instanceof Promise
      ? predecessor.then((it) => this.#enter(admitted, it))
      : this.#enter(admitted, predecessor);
  }

  #enter(admitted: Admitted, predecessor: Predecessor | undefined): Admitted | Promise<Admitted> {
    const { reservation, connectionId } = admitted;
    try {
      if (this.closedBecause !== undefined) throw this.closedBecause; // may have been set while other workers were asked
      this.#admission.enter(reservation, predecessor !== undefined || this.#settings.userConnections === "replace");
    } catch (error) {
      this.#succession.cancelled(connectionId);
      throw error;
    }
    return reservation.userId === undefined || this.#claims === undefined
      ? this.#countAdmitted(admitted)
      : this.#claim(admitted, reservation.userId, this.#claims);
  }

  async #claim(admitted: Admitted, userId: string, claims: UserClaims): Promise<Admitted> {
    const { connectionId, reservation } = admitted;
    const predecessorId = this.#succession.predecessorOf(connectionId)?.id;
    const formerId = this.#formerIdOf(admitted);
    try {
      await claims.claim({ userId, connectionId, predecessorId, formerId });
      return this.#countAdmitted(admitted);
    } catch (error) {
      this.#succession.cancelled(connectionId);
      this.#admission.cancel(reservation);
      throw error;
    }
  }

  #countAdmitted(admitted: Admitted): Admitted {
    this.counts.refused--;
    this.counts.admitted++;
    return admitted;
  }

  #predecessorOf(admitted: Admitted): ReturnType<Succession["find"]> {
    const old = this.#formerIdOf(admitted);
    return old === undefined
      ? undefined
      : this.#succession.find(old, admitted.connectionId, admitted.reservation.userId);
  }

  /** The connection that the client had before, as its resume key proves. */
  #formerIdOf({ handshake: { takesOver } }: Admitted): string | undefined {
    return takesOver === undefined ? undefined : this.#parts.resumeKeys.connectionOf(takesOver);
  }
}
