import type { ChannelName } from "../../../protocol/channel-name.ts";
import type { AnswerFrame } from "../../../protocol/frames.ts";
import type { Session } from "../../session/session.ts";
import type { CommandDoors } from "./doors.ts";

/** Who is in a channel now. */
export async function presence(
  doors: CommandDoors,
  session: Session,
  { channel }: { readonly channel: ChannelName },
): Promise<AnswerFrame> {
  doors.access.checkSubscribe(session.identity, channel);
  const { count = 0, users = [] } = (await doors.presence(channel)) ?? {};
  return { type: "presence", channel, count, users };
}
