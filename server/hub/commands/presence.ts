import type { ChannelName } from "../../../protocol/channel-name.ts";
import type { Session } from "../../session/session.ts";
import type { Answer, CommandDoors } from "./doors.ts";

/** Who is in a channel now. */
export function presence(doors: CommandDoors, session: Session, frame: { readonly channel: ChannelName }): Answer {
  doors.access.checkSubscribe(session.identity, frame.channel);
  return { type: "presence", channel: frame.channel, ...doors.presence(frame.channel) };
}
