import { getLogger } from "@logtape/logtape";
import { everyone, userChannel } from "../../protocol/channel-name.ts";
import { isoTime, present } from "../../protocol/codec.ts";
import type { Joined } from "../../protocol/frames.ts";
import { texts } from "../../protocol/texts.ts";
import type { Peers } from "../cluster/peers.ts";
import type { Delivery } from "../delivery/delivery.ts";
import { commitJoin, isAhead, type JoinPlan, planJoin } from "../delivery/join.ts";
import type { Clock } from "../lib/clock.ts";
import type { Session } from "../session/session.ts";
import { type Arrival, sinceOf } from "./arrival.ts";
import type { ResumeKeys } from "./resume-keys.ts";

const log = () => getLogger(["fanfare", "hub"]);

export interface WelcomeSettings {
  readonly notices: boolean;
  readonly pingIntervalMs: number;
  /** Bytes of one publication's message, data and headers together, in UTF-8. */
  readonly maxMessageBytes: number;
  /** Frames per second and connection; 0 for no limit. */
  readonly messageRate: number;
  /** Channels per connection, `all` and one's own not counted. */
  readonly maxChannels: number;
}

export interface WelcomeParts {
  readonly delivery: Delivery;
  readonly peers: Peers;
  readonly resumeKeys: ResumeKeys;
  readonly clock: Clock;
  /** Whether the session has not ended meanwhile. */
  isHere(session: Session): boolean;
}

/** What goes with a welcome. */
export interface Newcomer {
  /** Whether people should hear of it. */
  readonly isNews: boolean;
  /** What is wrong with the request, a sentence each. */
  readonly warnings: readonly string[];
  /** The welcome is out. */
  onWelcomed(): void;
}

/** Makes a newcomer one of many: joins its channels and tells it of them. */
export class Welcome {
  readonly #settings: WelcomeSettings;
  readonly #parts: WelcomeParts;

  constructor(settings: WelcomeSettings, parts: WelcomeParts) {
    this.#settings = settings;
    this.#parts = parts;
  }

  /** In this turn where all channels are at hand, and not at all if it ends before. */
  prepare(session: Session, arrival: Arrival, newcomer: Newcomer): void {
    const own = session.userId === undefined ? [] : [userChannel(session.userId)];
    const plans: (JoinPlan | Promise<JoinPlan>)[] = [];
    let mustWait = false;
    for (const channel of new Set([everyone, ...own, ...arrival.channels])) {
      const plan = planJoin(this.#parts.delivery, channel, sinceOf(arrival, channel));
      if (plan instanceof Promise) mustWait = true;
      plans.push(plan);
    }
    if (mustWait) void this.#welcomeLater(session, plans, newcomer);
    else this.#welcomeOrFail(session, plans as readonly JoinPlan[], newcomer);
  }

  /** Somebody who is neither welcomed nor closed would wait for a first frame that never comes. */
  #welcomeOrFail(session: Session, plans: readonly JoinPlan[], newcomer: Newcomer): void {
    try {
      this.#welcome(session, plans, newcomer);
    } catch (error) {
      const { interest } = this.#parts.delivery;
      for (const { channel } of plans) {
        if (session.memberships.get(channel.name) === undefined) interest.release(channel.name);
      }
      queueMicrotask(() => session.fail(error)); // its transport does not know it before this turn ends
    }
  }

  async #welcomeLater(session: Session, plans: readonly (JoinPlan | Promise<JoinPlan>)[], newcomer: Newcomer) {
    const results = await Promise.allSettled(plans);
    const ready: JoinPlan[] = [];
    let failure: unknown;
    for (const result of results) {
      if (result.status === "fulfilled") ready.push(result.value);
      else failure = result.reason;
    }
    if (failure === undefined && this.#parts.isHere(session)) {
      this.#welcomeOrFail(session, ready, newcomer);
      return;
    }
    for (const { channel } of ready) this.#parts.delivery.interest.release(channel.name);
    if (failure === undefined) return; // it left before it was welcomed
    log().warning("A connection could not be welcomed: {error}", { error: failure });
    session.close({ name: "unavailable", text: "a channel cannot be joined now" });
  }

  /** In one turn: the memberships, the frame that tells of them, and whatever follows. */
  #welcome(session: Session, plans: readonly JoinPlan[], newcomer: Newcomer): void {
    const { delivery, clock, peers, resumeKeys } = this.#parts;
    const channels: [name: string, Joined][] = [];
    // Before the first join: a flush between two of them would reach the session before its welcome.
    if (plans.some(isAhead)) delivery.flushNow();
    for (const plan of plans) channels.push([plan.channel.name, commitJoin(delivery, plan, session)]);
    session.isWelcomed = true;
    peers.roster.count(session.userId, 1, newcomer.isNews);
    const { online } = peers.roster;
    const { notices, pingIntervalMs, maxMessageBytes, messageRate, maxChannels } = this.#settings;
    session.sendFrame({
      type: "system",
      event: "welcome",
      protocol: 1,
      ...(notices ? { message: texts.welcomeWithCount(online) } : {}),
      connection_id: session.id,
      resume_key: resumeKeys.keyOf(session.id),
      ...present({ user_id: session.userId }),
      ...(notices ? { online } : {}),
      ping_interval_ms: pingIntervalMs,
      limits: { max_message_bytes: maxMessageBytes, message_rate: messageRate, max_channels: maxChannels },
      timestamp: isoTime(clock.now()),
      channels: Object.fromEntries(channels), // not by assignment: a channel may be called __proto__
      ...(newcomer.warnings.length === 0 ? {} : { warnings: newcomer.warnings }),
    });
    log().info("Client connected: {remote}. Total clients: {total}", { remote: session.origin.remote, total: online });
    newcomer.onWelcomed();
  }
}
