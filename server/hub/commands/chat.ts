import { everyone } from "../../../protocol/channel-name.ts";
import { invalid } from "../../../protocol/fields.ts";
import type { ClientFrame } from "../../../protocol/frames.ts";
import { texts } from "../../../protocol/texts.ts";
import type { Session } from "../../session/session.ts";
import type { CommandDoors } from "./doors.ts";

/** Text to everyone, the sender included. Nothing is answered: one's own copy is the receipt. */
export async function chat(
  doors: CommandDoors,
  session: Session,
  frame: ClientFrame & { type: "message" },
): Promise<undefined> {
  doors.access.checkChat(session.identity);
  if (frame.message === "") throw invalid("message", "a text that is not empty", frame.message);
  const sender = doors.access.senderOf(session.identity, frame.sender);
  await doors.publish({ channel: everyone, message: frame.message, ...(sender === undefined ? {} : { sender }) });
  doors.onChat({ message: frame.message, sender }, session);
  return undefined;
}

/** The text command `send_now`: everyone receives a message at once. */
export async function sendNow(doors: CommandDoors, session: Session): Promise<undefined> {
  doors.access.checkChat(session.identity);
  await doors.publish({ channel: everyone, message: texts.sentNow });
  return undefined;
}
