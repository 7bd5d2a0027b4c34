import { type ChannelName, everyone, userChannel } from "../../protocol/channel-name.ts";
import { ServiceError } from "../../protocol/errors.ts";
import type { Joined } from "../../protocol/frames.ts";
import type { Since } from "../../protocol/position.ts";
import type { Delivery } from "../delivery/delivery.ts";
import { commitJoin, type JoinPlan, planJoin } from "../delivery/join.ts";
import { publisherOf } from "../limits/principal.ts";
import type { Session } from "../session/session.ts";
import type { Connections } from "./connections.ts";
import type { HubPresence } from "./presence.ts";
import type { SessionRecords } from "./session-records.ts";

export interface SubscriptionParts {
  readonly delivery: Delivery;
  readonly presence: HubPresence;
  readonly connections: Connections;
  /** Channels per connection, not counting `all` and the user's own. */
  readonly maxChannels: number;
  readonly records: SessionRecords;
}

/** Joins sessions to channels and removes them, at the request of their clients. */
export class Subscriptions {
  readonly #parts: SubscriptionParts;

  constructor(parts: SubscriptionParts) {
    this.#parts = parts;
  }

  /** See CommandDependencies. @throws ServiceError "too-many-channels", or errors of the broker or the presence store */
  subscribe(session: Session, channel: ChannelName, since: Since | undefined): Joined | Promise<() => Joined> {
    const known = positionIn(session, channel);
    if (known !== undefined) return known;
    const plan = this.#plan(session, channel, since);
    return plan instanceof Promise
      ? plan.then((it) => () => this.#commitLater(it, session))
      : this.#commit(plan, session);
  }

  /** The same for a permission that is not there yet. @throws also errors of `allowed` */
  async subscribeOnce(
    allowed: Promise<void>,
    session: Session,
    channel: ChannelName,
    since: Since | undefined,
  ): Promise<() => Joined> {
    await allowed;
    if (positionIn(session, channel) !== undefined) return () => positionIn(session, channel) ?? gone();
    const plan = await this.#plan(session, channel, since);
    return () => this.#commitLater(plan, session);
  }

  /** @param by whether the client ended it, or a new token */
  unsubscribe(session: Session, channel: ChannelName, by: "client" | "token"): void {
    const membership = session.memberships.get(channel);
    if (membership === undefined) return;
    this.#parts.records.unsubscribed(membership, by);
    this.#parts.delivery.leave(session, channel);
    this.#parts.presence.left(session, channel);
  }

  #plan(session: Session, channel: ChannelName, since: Since | undefined): JoinPlan | Promise<JoinPlan> {
    const { delivery, presence, maxChannels } = this.#parts;
    if (countPlain(session) >= maxChannels) {
      throw new ServiceError("too-many-channels", `channel: expected at most ${maxChannels} per connection`);
    }
    const plan = planJoin(delivery, channel, since, publisherOf(session));
    const watching = presence.ready(channel);
    return watching === undefined ? plan : joinPlanOf(delivery, plan, watching);
  }

  #commitLater(plan: JoinPlan, session: Session): Joined {
    const { connections, delivery } = this.#parts;
    if (session.closed !== undefined || connections.byId(session.id) === undefined) {
      delivery.interest.release(plan.channel.name);
      return gone();
    }
    return this.#commit(plan, session);
  }

  #commit(plan: JoinPlan, session: Session): Joined {
    const joined = commitJoin(this.#parts.delivery, plan, session);
    this.#parts.presence.joined(session, plan.channel.name);
    this.#parts.records.subscribed(session, plan.channel.name);
    return joined;
  }
}

/**
 * The plan, once presence events of the channel arrive too. If they cannot, the hold is released.
 * @throws errors of either
 */
export async function joinPlanOf(
  delivery: Delivery,
  plan: JoinPlan | Promise<JoinPlan>,
  watching: Promise<void> | undefined,
): Promise<JoinPlan> {
  const [planned, watched] = await Promise.allSettled([plan, watching]);
  if (planned.status === "rejected") throw planned.reason;
  if (watched.status === "fulfilled") return planned.value;
  delivery.interest.release(planned.value.channel.name);
  throw watched.reason;
}

/** Where a session is in a channel that it has joined. */
function positionIn({ memberships }: Session, name: ChannelName): Joined | undefined {
  const known = memberships.get(name);
  if (known === undefined) return undefined;
  const { epoch, flushed } = known.channel;
  return { epoch, offset: flushed, from: known.cursor + 1 };
}

function gone(): never {
  throw new ServiceError("not-found", "the connection was closed");
}

/** Number of requested channels: `all` and the user's own do not count towards the limit. */
function countPlain({ memberships, userId }: Session): number {
  const own = userId === undefined ? undefined : memberships.get(userChannel(userId));
  return memberships.size - (memberships.get(everyone) === undefined ? 0 : 1) - (own === undefined ? 0 : 1);
}
