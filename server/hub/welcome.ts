import { getLogger } from "@logtape/logtape";
import { type ChannelName, everyone, userChannel } from "../../protocol/channel-name.ts";
import { isoTime, present } from "../../protocol/codec.ts";
import { isRetryable, ServiceError } from "../../protocol/errors.ts";
import type { Joined } from "../../protocol/frames.ts";
import { texts } from "../../protocol/texts.ts";
import type { Peers } from "../cluster/peers.ts";
import type { Announcement } from "../cluster/roster.ts";
import type { Delivery } from "../delivery/delivery.ts";
import { commitJoin, isAhead, type JoinPlan, planJoin } from "../delivery/join.ts";
import type { Clock } from "../lib/clock.ts";
import { publisherOf } from "../limits/principal.ts";
import type { Session } from "../session/session.ts";
import { type ForbiddenChannel, type Handshake, sinceOf } from "./handshake.ts";
import { logConnection } from "./log-connection.ts";
import type { HubPresence } from "./presence.ts";
import type { ResumeKeys } from "./resume-keys.ts";
import { joinPlanOf } from "./subscriptions.ts";

const log = () => getLogger(["fanfare", "hub"]);

export interface WelcomeSettings {
  readonly notices: boolean;
  readonly pingIntervalMs: number;
  /** Bytes of one publication's message, data and headers together, in UTF-8. */
  readonly maxMessageBytes: number;
  /** Frames per second and connection; 0 for no limit. */
  readonly messageRate: number;
  /** Channels per connection, not counting `all` and the user's own. */
  readonly maxChannels: number;
}

export interface WelcomeParts {
  readonly delivery: Delivery;
  readonly presence: HubPresence;
  readonly peers: Peers;
  readonly resumeKeys: ResumeKeys;
  readonly clock: Clock;
  /** Whether the session is still open. */
  isHere(session: Session): boolean;
}

/** Details of one welcome. */
export interface WelcomeDetails {
  /** Whether others are notified. */
  readonly announcement: Announcement;
  /** Warnings about the request, one sentence each. */
  readonly warnings: readonly string[];
  /** Called when the welcome has been sent. @param refused channels for which there is no room; the others are joined */
  onWelcomed(refused: readonly ForbiddenChannel[]): void;
}

/** Joins a new session to its channels and sends the welcome. */
export class Welcome {
  readonly #settings: WelcomeSettings;
  readonly #parts: WelcomeParts;

  constructor(settings: WelcomeSettings, parts: WelcomeParts) {
    this.#settings = settings;
    this.#parts = parts;
  }

  /** Sends the welcome in this turn if all channels are available already. Sends none if the session ends before. */
  prepare(session: Session, handshake: Handshake, details: WelcomeDetails): void {
    const own = session.userId === undefined ? [] : [userChannel(session.userId)];
    const plans: (JoinPlan | Promise<JoinPlan>)[] = [];
    let mustWait = false;
    const publisher = publisherOf(session);
    const names = [...new Set([everyone, ...own, ...handshake.channels])];
    for (const channel of names) {
      const { delivery, presence } = this.#parts;
      const planned = planJoin(delivery, channel, sinceOf(handshake, channel), publisher);
      const watching = presence.ready(channel);
      const plan = watching === undefined ? planned : joinPlanOf(delivery, planned, watching);
      if (plan instanceof Promise) mustWait = true;
      plans.push(plan);
    }
    if (mustWait) void this.#welcomeLater(session, names, plans, details);
    else this.#welcomeOrFail(session, plans as readonly JoinPlan[], details);
  }

  /** A session without a welcome must be closed, or its client would wait for the first frame forever. */
  #welcomeOrFail(session: Session, plans: readonly JoinPlan[], details: WelcomeDetails): void {
    try {
      this.#welcome(session, plans, details);
    } catch (error) {
      const { interest } = this.#parts.delivery;
      for (const { channel } of plans) {
        if (session.memberships.get(channel.name) === undefined) interest.release(channel.name);
      }
      queueMicrotask(() => session.fail(error)); // its transport has the session only after this turn
    }
  }

  async #welcomeLater(
    session: Session,
    names: readonly ChannelName[],
    plans: readonly (JoinPlan | Promise<JoinPlan>)[],
    details: WelcomeDetails,
  ) {
    const results = await Promise.allSettled(plans);
    const ready: JoinPlan[] = [];
    const refused: ForbiddenChannel[] = [];
    let failure: unknown;
    results.forEach((result, at) => {
      const channel = names[at];
      if (result.status === "fulfilled") ready.push(result.value);
      else if (isRefusal(result.reason) && channel !== undefined) refused.push({ channel, error: result.reason });
      else failure = result.reason;
    });
    if (failure === undefined && this.#parts.isHere(session)) {
      const onWelcomed = () => details.onWelcomed(refused);
      this.#welcomeOrFail(session, ready, { ...details, onWelcomed });
      return;
    }
    for (const { channel } of ready) this.#parts.delivery.interest.release(channel.name);
    if (failure === undefined) return; // the client disconnected before the welcome
    // An error that will pass is no bug: one line without a stack.
    const error = failure instanceof ServiceError ? failure.message : failure;
    log().warning("A connection could not be welcomed: {error}", { error });
    session.close({ name: "unavailable", text: "a channel is temporarily unavailable" });
  }

  /** In one turn: the memberships, the welcome that lists them, and the frames that follow it. */
  #welcome(session: Session, plans: readonly JoinPlan[], details: WelcomeDetails): void {
    const { delivery, clock, peers, presence, resumeKeys } = this.#parts;
    const channels: [name: string, Joined][] = [];
    // Before the first join: a flush between two of them would reach the session before its welcome.
    if (plans.some(isAhead)) delivery.flushNow();
    for (const plan of plans) channels.push([plan.channel.name, commitJoin(delivery, plan, session)]);
    session.isWelcomed = true;
    peers.roster.count(session.userId, 1, details.announcement);
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
      ...(details.warnings.length === 0 ? {} : { warnings: details.warnings }),
    });
    logConnection("connected", session, online);
    for (const { channel } of plans) presence.joined(session, channel.name);
    details.onWelcomed([]);
  }
}

/** Whether one channel cannot be joined, such as one more than the client's share. Other errors pass, so the client retries. */
function isRefusal(error: unknown): error is ServiceError {
  return error instanceof ServiceError && !isRetryable(error.code);
}
