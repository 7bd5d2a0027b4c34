import type { ChannelName } from "../../../protocol/channel-name.ts";
import type { AnswerFrame } from "../../../protocol/frames.ts";
import type { Session } from "../../session/session.ts";
import type { CommandDependencies } from "./dependencies.ts";

/** Answers with a page of the channel's connections, or only their number if the session may not see more. */
export async function presence(
  { access, accountOf, presence }: CommandDependencies,
  session: Session,
  { channel, page = "" }: { readonly channel: ChannelName; readonly page?: string },
): Promise<AnswerFrame> {
  accountOf(session).charge("presence");
  if ((await access.checkPresence(session.identity, channel)) === "count") {
    return { type: "presence", channel, count: await presence.count(channel) };
  }
  return presence.read(channel, page);
}
