import type { ChannelName } from "../../../protocol/channel-name.ts";
import type { AnswerFrame } from "../../../protocol/frames.ts";
import type { Session } from "../../session/session.ts";
import type { CommandDependencies } from "./dependencies.ts";

/** Who is in a channel now. */
export async function presence(
  dependencies: CommandDependencies,
  session: Session,
  { channel }: { readonly channel: ChannelName },
): Promise<AnswerFrame> {
  dependencies.access.checkSubscribe(session.identity, channel);
  const { count = 0, users = [] } = (await dependencies.presence(channel)) ?? {};
  return { type: "presence", channel, count, users };
}
