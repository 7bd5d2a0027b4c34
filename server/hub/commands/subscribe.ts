import type { ChannelName } from "../../../protocol/channel-name.ts";
import type { AnswerFrame, Joined } from "../../../protocol/frames.ts";
import type { Since } from "../../../protocol/position.ts";
import type { Session } from "../../session/session.ts";
import type { Answer, CommandDependencies } from "./dependencies.ts";

/** Joins a channel. The answer is followed by the messages requested with `since`, then by live messages. */
export function subscribe(
  dependencies: CommandDependencies,
  session: Session,
  frame: { readonly channel: ChannelName; readonly since?: Since },
): Answer {
  const { channel } = frame;
  // First of all: a request that the server refuses itself costs the application nothing.
  dependencies.accountOf(session).charge("joins");
  const allowed = dependencies.access.checkSubscribe(session.identity, channel);
  const answer = (joined: Joined): AnswerFrame => ({ type: "subscribed", channel, ...joined });
  const joined =
    allowed === undefined
      ? dependencies.subscribe(session, channel, frame.since)
      : dependencies.subscribeOnce(allowed, session, channel, frame.since);
  return joined instanceof Promise ? joined.then((commit) => () => answer(commit())) : answer(joined);
}

/** Leaves a channel; also possible for `all` and the user's own. A channel that was not joined gets the same answer. */
export function unsubscribe(
  dependencies: CommandDependencies,
  session: Session,
  frame: { readonly channel: ChannelName },
): Answer {
  dependencies.unsubscribe(session, frame.channel, "client");
  return { type: "unsubscribed", channel: frame.channel };
}
