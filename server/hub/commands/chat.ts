import { everyone } from "../../../protocol/channel-name.ts";
import { invalid } from "../../../protocol/fields.ts";
import type { ClientFrame } from "../../../protocol/frames.ts";
import { texts } from "../../../protocol/texts.ts";
import { publisherOf } from "../../limits/principal.ts";
import type { Session } from "../../session/session.ts";
import type { CommandDependencies } from "./dependencies.ts";

/** Sends a chat message to everyone, the sender included. There is no answer: the sender's own copy confirms it. */
export async function chat(
  dependencies: CommandDependencies,
  session: Session,
  frame: ClientFrame & { type: "message" },
): Promise<undefined> {
  dependencies.access.checkChat(session.identity);
  if (frame.message === "") throw invalid("message", "a non-empty text", frame.message);
  const sender = dependencies.access.senderOf(session.identity, frame.sender);
  await dependencies.publish({
    channel: everyone,
    message: frame.message,
    ...(sender === undefined ? {} : { sender }),
    publisher: publisherOf(session),
  });
  dependencies.onChat({ message: frame.message, sender }, session);
  return undefined;
}

/** The text command `send_now`: sends a fixed message to everyone. */
export async function sendNow(dependencies: CommandDependencies, session: Session): Promise<undefined> {
  dependencies.access.checkChat(session.identity);
  const publisher = publisherOf(session);
  await dependencies.publish({ channel: everyone, message: texts.sentNow, publisher });
  return undefined;
}
