import type { ChannelName } from "../../protocol/channel-name.ts";
import type { GapReason, Joined } from "../../protocol/frames.ts";
import type { Position, Since } from "../../protocol/position.ts";
import type { Session } from "../session/session.ts";
import type { Delivery } from "./delivery.ts";
import type { ListenedChannel } from "./listened-channel.ts";

/** A join that is ready to be committed: the channel is held, and the start position is known. */
export interface JoinPlan {
  readonly channel: ListenedChannel;
  readonly start: JoinStart | undefined;
}

/**
 * The session starts after this offset. A join without a start begins with live messages. `recovered` is only set if a position
 * was requested.
 */
interface JoinStart {
  readonly epoch: string;
  readonly after: number;
  readonly recovered?: boolean;
  readonly reason?: GapReason;
}

/**
 * The asynchronous part of a join. A join has two steps, because the welcome names all channels and must be the first frame:
 * the caller commits the plan in the same turn as it sends that frame, or releases the hold.
 * @param publisher the client that is charged for the channel if it is new, as in `Draft`
 * @throws errors of the broker's `listen` and `history`; nothing is held then.
 */
export function planJoin(
  delivery: Delivery,
  name: ChannelName,
  since: Since | undefined,
  publisher?: string,
): JoinPlan | Promise<JoinPlan> {
  const channel = delivery.interest.hold(name, delivery.receive, publisher);
  if (channel instanceof Promise) return channel.then((it) => planStart(delivery, it, since));
  return planStart(delivery, channel, since);
}

/**
 * Whether a plan starts beyond the last flushed publication. It then needs a flush first, since cursors never go beyond
 * `flushed`.
 */
export function isAhead({ channel, start }: JoinPlan): boolean {
  return start !== undefined && start.epoch === channel.epoch && start.after > channel.flushed;
}

/** Makes the session a member. @returns the position for the client */
export function commitJoin(delivery: Delivery, plan: JoinPlan, session: Session): Joined {
  const { channel, start } = plan;
  if (isAhead(plan)) delivery.flushNow();
  const { epoch, flushed } = channel;
  if (start === undefined) {
    delivery.join(session, channel, flushed);
    return { epoch, offset: flushed, from: flushed + 1 };
  }
  // If the epoch changed since the plan was made, the position belongs to an earlier epoch: the full history of the current
  // one follows.
  const isStale = start.epoch !== epoch;
  const after = isStale ? 0 : Math.min(start.after, flushed);
  const recovered = isStale && start.recovered !== undefined ? false : start.recovered;
  delivery.join(session, channel, after, recovered);
  const reason = isStale && start.recovered !== undefined ? "epoch-changed" : start.reason;
  if (recovered !== undefined) delivery.resumes[recovered ? "complete" : "incomplete"]++;
  return {
    epoch,
    offset: flushed,
    from: after + 1,
    ...(recovered === undefined ? {} : { recovered }),
    ...(reason === undefined ? {} : { reason }),
  };
}

function planStart(
  delivery: Delivery,
  channel: ListenedChannel,
  since: Since | undefined,
): JoinPlan | Promise<JoinPlan> {
  if (since === undefined) return { channel, start: undefined };
  if (since.from === "position") {
    const { epoch, offset } = since.position;
    const { tail } = channel;
    const isHere =
      epoch === tail.epoch && offset <= tail.head && (offset >= tail.flushed || tail.reachesBackTo(offset));
    if (isHere && !delivery.isExpired(channel, offset))
      return { channel, start: { epoch, after: offset, recovered: true } };
  }
  return startFromHistory(delivery, channel, since).then(
    (start) => ({ channel, start }),
    (error: unknown) => {
      delivery.interest.release(channel.name);
      throw error;
    },
  );
}

async function startFromHistory(delivery: Delivery, channel: ListenedChannel, since: Since): Promise<JoinStart> {
  const { epoch, head } = channel.tail;
  const { top, publications, gap } = await delivery.history(channel.name, since, { limit: 1, maxBytes: 0 });
  // The broker may have more than has arrived here, but a session must not start beyond the publications that this worker
  // has sent. Or it has less than had arrived here before the request: then the channel continues in a new epoch.
  const wentBack = top.epoch === epoch && top.offset < head;
  if (wentBack || top.epoch !== channel.epoch || top.offset > channel.tail.head) await delivery.catchUp(channel);
  const after = (publications[0]?.offset ?? top.offset + 1) - 1;
  if (since.from !== "position") return { epoch: top.epoch, after };
  const reason = reasonOf(since.position, top, gap);
  return reason === undefined
    ? { epoch: top.epoch, after: since.position.offset, recovered: true }
    : { epoch: top.epoch, after, recovered: false, reason };
}

/** A position beyond the top was never handed out in the current numbering. */
function reasonOf(asked: Position, top: Position, gap: GapReason | undefined): GapReason | undefined {
  return asked.epoch === top.epoch && asked.offset > top.offset ? "epoch-changed" : gap;
}
