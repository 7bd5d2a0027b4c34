import type { ChannelName } from "../../../protocol/channel-name.ts";
import type { AnswerFrame } from "../../../protocol/frames.ts";
import type { Since } from "../../../protocol/position.ts";
import { publisherOf } from "../../limits/principal.ts";
import type { Session } from "../../session/session.ts";
import type { CommandDependencies } from "./dependencies.ts";

/** Reads a page of a channel's history without joining it. */
export async function history(
  dependencies: CommandDependencies,
  session: Session,
  frame: { readonly channel: ChannelName; readonly since: Since; readonly limit: number },
): Promise<AnswerFrame> {
  const { channel, since, limit } = frame;
  await dependencies.access.checkSubscribe(session.identity, channel);
  const request = { channel, since, limit, publisher: publisherOf(session) };
  const { top, publications, gap } = await dependencies.history(request, dependencies.accountOf(session));
  const complete = gap === undefined;
  return { type: "history", channel, ...top, messages: publications, complete, ...(complete ? {} : { reason: gap }) };
}
