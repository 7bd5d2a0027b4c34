import { everyone } from "../../../protocol/channel-name.ts";
import { invalid } from "../../../protocol/fields.ts";
import type { ClientFrame } from "../../../protocol/frames.ts";
import { texts } from "../../../protocol/texts.ts";
import type { Session } from "../../session/session.ts";
import type { CommandDependencies } from "./dependencies.ts";

/** Text to everyone, the sender included. Nothing is answered: one's own copy is the receipt. */
export async function chat(
  dependencies: CommandDependencies,
  session: Session,
  frame: ClientFrame & { type: "message" },
): Promise<undefined> {
  dependencies.access.checkChat(session.identity);
  if (frame.message === "") throw invalid("message", "a text that is not empty", frame.message);
  const sender = dependencies.access.senderOf(session.identity, frame.sender);
  await dependencies.publish({
    channel: everyone,
    message: frame.message,
    ...(sender === undefined ? {} : { sender }),
  });
  dependencies.onChat({ message: frame.message, sender }, session);
  return undefined;
}

/** The text command `send_now`: everyone receives a message at once. */
export async function sendNow(dependencies: CommandDependencies, session: Session): Promise<undefined> {
  dependencies.access.checkChat(session.identity);
  await dependencies.publish({ channel: everyone, message: texts.sentNow });
  return undefined;
}
