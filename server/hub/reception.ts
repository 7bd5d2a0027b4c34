import { getLogger } from "@logtape/logtape";
import { everyone, userChannel } from "../../protocol/channel-name.ts";
import { isoTime, present } from "../../protocol/codec.ts";
import { ServiceError } from "../../protocol/errors.ts";
import type { Joined } from "../../protocol/frames.ts";
import { texts } from "../../protocol/texts.ts";
import type { Access } from "../auth/access.ts";
import type { Identity } from "../auth/identity.ts";
import type { Clock } from "../lib/clock.ts";
import { randomId } from "../lib/random-id.ts";
import type { Connection } from "../session/connection.ts";
import { Session } from "../session/session.ts";
import { Admission, type AdmissionLimits } from "./admission.ts";
import { type Admitted, type Arrival, sinceOf } from "./arrival.ts";
import type { Connections } from "./connections.ts";
import type { Delivery } from "./delivery.ts";
import { commitJoin, isAhead, type JoinPlan, planJoin } from "./join.ts";

const log = () => getLogger(["fanfare", "hub"]);

export interface ReceptionSettings extends AdmissionLimits {
  /** Channels per connection, `all` and one's own not counted. */
  readonly maxChannels: number;
  readonly notices: boolean;
  readonly pingIntervalMs: number;
}

/** Whom reception works with. */
export interface ReceptionParts {
  readonly access: Access;
  readonly connections: Connections;
  readonly delivery: Delivery;
  readonly clock: Clock;
  /** The welcome is on its way; from now on the session is one of many. */
  onWelcomed(session: Session, isContinued: boolean): void;
}

/** Lets connections in, welcomes them into their channels, and sees them out. */
export class Reception {
  /** Set while nobody is let in any more. */
  closedBecause: ServiceError | undefined;
  /** Plain additions, read by the scraper. */
  readonly counts = { admitted: 0, refused: 0 };
  readonly #settings: ReceptionSettings;
  readonly #parts: ReceptionParts;
  readonly #admission: Admission;
  readonly #admitted = new Map<Session, Admitted>();
  /** Who is being continued by whom. */
  readonly #successors = new Map<Session, Session>();

  constructor(settings: ReceptionSettings, parts: ReceptionParts) {
    this.#settings = settings;
    this.#parts = parts;
    this.#admission = new Admission(settings);
  }

  /**
   * Who it is, what it may, and whether there is room; takes a seat. At once unless a token has to be looked at.
   * @throws ServiceError
   */
  admit(arrival: Arrival): Admitted | Promise<Admitted> {
    this.counts.refused++; // until the seat is taken
    const identity = this.#parts.access.identify({ userId: arrival.userId, token: arrival.token });
    return identity instanceof Promise ? identity.then((it) => this.#seat(arrival, it)) : this.#seat(arrival, identity);
  }

  /** The handshake came to nothing after all. */
  giveUp(admitted: Admitted): void {
    this.#admission.leave(admitted.seat);
  }

  /** @param onReady called once the welcome is out: in this turn where all channels are at hand */
  open(admitted: Admitted, connection: Connection, onReady: () => void): Session {
    const { connections, delivery, clock } = this.#parts;
    const { arrival, identity, predecessor } = admitted;
    const origin = {
      id: `c_${randomId(12)}`,
      resumeKey: randomId(18),
      remote: arrival.remote,
      connectedAt: clock.now(),
    };
    const session = new Session(origin, identity, connection);
    connection.onDrain = () => delivery.drained(session);
    if (this.#settings.userConnections === "replace") this.#replaceOthers(session, predecessor);
    this.#admitted.set(session, admitted);
    if (predecessor !== undefined) this.#successors.set(predecessor, session);
    connections.add(session);
    this.#join(session, arrival, onReady);
    return session;
  }

  /** The socket is gone. @returns whether others should hear of it */
  ended(session: Session): boolean {
    const admitted = this.#admitted.get(session);
    if (admitted === undefined) return false;
    const { connections, delivery } = this.#parts;
    this.#admitted.delete(session);
    connections.remove(session);
    delivery.leaveAll(session);
    this.#admission.leave(admitted.seat);
    if (admitted.predecessor !== undefined) this.#successors.delete(admitted.predecessor);
    const wasContinued = this.#successors.delete(session);
    log().info("Client disconnected: {remote}. Total clients: {total}", {
      remote: session.origin.remote,
      total: connections.size,
    });
    return session.isWelcomed && !wasContinued;
  }

  /** All channels of the session are level: whom it continues may go. */
  settled(session: Session): void {
    this.#admitted.get(session)?.predecessor?.close({ name: "normal", text: "continued by a newer connection" });
  }

  #seat(arrival: Arrival, identity: Identity): Admitted {
    if (this.closedBecause !== undefined) throw this.closedBecause;
    const { access, connections } = this.#parts;
    for (const channel of arrival.channels) access.checkSubscribe(identity, channel);
    if (arrival.channels.length > this.#settings.maxChannels) {
      throw new ServiceError(
        "too-many-channels",
        `channel: expected at most ${this.#settings.maxChannels} per connection`,
      );
    }
    const known = arrival.takesOver === undefined ? undefined : connections.byResumeKey(arrival.takesOver);
    const predecessor = known?.userId === identity.userId && !this.#isSucceeded(known) ? known : undefined;
    const seat = { ip: arrival.ip, userId: identity.userId };
    this.#admission.enter(seat, predecessor !== undefined);
    this.counts.refused--;
    this.counts.admitted++;
    return { arrival, identity, seat, predecessor };
  }

  #isSucceeded(session: Session | undefined): boolean {
    return session !== undefined && this.#successors.has(session);
  }

  #replaceOthers(session: Session, predecessor: Session | undefined): void {
    if (session.userId === undefined) return;
    for (const other of this.#parts.connections.ofUser(session.userId)) {
      if (other !== predecessor) other.close({ name: "replaced" });
    }
  }

  #join(session: Session, arrival: Arrival, onReady: () => void): void {
    const own = session.userId === undefined ? [] : [userChannel(session.userId)];
    const plans: (JoinPlan | Promise<JoinPlan>)[] = [];
    let mustWait = false;
    for (const channel of new Set([everyone, ...own, ...arrival.channels])) {
      const plan = planJoin(this.#parts.delivery, channel, sinceOf(arrival, channel));
      if (plan instanceof Promise) mustWait = true;
      plans.push(plan);
    }
    if (mustWait) void this.#welcomeLater(session, plans, onReady);
    else this.#welcome(session, plans as readonly JoinPlan[], onReady);
  }

  async #welcomeLater(session: Session, plans: readonly (JoinPlan | Promise<JoinPlan>)[], onReady: () => void) {
    const results = await Promise.allSettled(plans);
    const ready: JoinPlan[] = [];
    let failure: unknown;
    for (const result of results) {
      if (result.status === "fulfilled") ready.push(result.value);
      else failure = result.reason;
    }
    if (failure === undefined && this.#admitted.has(session)) {
      this.#welcome(session, ready, onReady);
      return;
    }
    for (const { channel } of ready) this.#parts.delivery.interest.release(channel.name);
    if (failure === undefined) return; // it left before it was welcomed
    log().warning("A connection could not be welcomed: {error}", { error: failure });
    session.close({ name: "unavailable", text: "a channel cannot be joined now" });
  }

  /** In one turn: the memberships, the frame that tells of them, and whatever follows. */
  #welcome(session: Session, plans: readonly JoinPlan[], onReady: () => void): void {
    const { connections, delivery, clock, onWelcomed } = this.#parts;
    const channels: Record<string, Joined> = {};
    // Before the first join: a flush between two of them would reach the session before its welcome.
    if (plans.some(isAhead)) delivery.flushNow();
    for (const plan of plans) channels[plan.channel.name] = commitJoin(delivery, plan, session);
    session.isWelcomed = true;
    const online = connections.size;
    session.tell({
      type: "system",
      event: "welcome",
      protocol: 1,
      ...(this.#settings.notices ? { message: texts.welcomeWithCount(online) } : {}),
      connection_id: session.id,
      resume_key: session.origin.resumeKey,
      ...present({ user_id: session.userId }),
      ...(this.#settings.notices ? { online } : {}),
      ping_interval_ms: this.#settings.pingIntervalMs,
      timestamp: isoTime(clock.now()),
      channels,
    });
    log().info("Client connected: {remote}. Total clients: {total}", { remote: session.origin.remote, total: online });
    onWelcomed(session, this.#admitted.get(session)?.predecessor !== undefined);
    if (session.isLevel) this.settled(session);
    onReady();
  }
}
