import type { ChannelName } from "../../../protocol/channel-name.ts";
import type { AnswerFrame } from "../../../protocol/frames.ts";
import type { Since } from "../../../protocol/position.ts";
import type { Session } from "../../session/session.ts";
import type { CommandDoors } from "./doors.ts";

/** A stretch of a channel's history, without joining it. */
export async function history(
  doors: CommandDoors,
  session: Session,
  frame: { readonly channel: ChannelName; readonly since: Since; readonly limit: number },
): Promise<AnswerFrame> {
  const { channel, since, limit } = frame;
  doors.access.checkSubscribe(session.identity, channel);
  const { top, publications, gap } = await doors.history(channel, since, limit);
  const complete = gap === undefined;
  return { type: "history", channel, ...top, messages: publications, complete, ...(complete ? {} : { reason: gap }) };
}
