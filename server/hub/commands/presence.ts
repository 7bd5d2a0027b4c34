import type { ChannelName } from "../../../protocol/channel-name.ts";
import { present } from "../../../protocol/codec.ts";
import type { AnswerFrame } from "../../../protocol/frames.ts";
import type { Session } from "../../session/session.ts";
import type { CommandDependencies } from "./dependencies.ts";

/** Who is in a channel: a page of the users, or only the number of connections if the session may not know more. */
export async function presence(
  { access, accountOf, occupancy }: CommandDependencies,
  session: Session,
  { channel, page = "" }: { readonly channel: ChannelName; readonly page?: string },
): Promise<AnswerFrame> {
  accountOf(session).charge("presence");
  if (access.checkPresence(session.identity, channel) === "count") {
    const [count = 0] = await occupancy.counts([channel]);
    return { type: "presence", channel, count };
  }
  const { count, users, next } = await occupancy.users(channel, page);
  return { type: "presence", channel, count, users, ...present({ next_page: next }) };
}
