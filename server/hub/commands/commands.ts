import type { ClientFrame } from "../../../protocol/frames.ts";
import type { Session } from "../../session/session.ts";
import { auth } from "./auth.ts";
import { chat, sendNow } from "./chat.ts";
import type { Answer, CommandDoors } from "./doors.ts";
import { history } from "./history.ts";
import { presence } from "./presence.ts";
import { publish } from "./publish.ts";
import { subscribe, unsubscribe } from "./subscribe.ts";

/** Does what one frame asks for. @throws ServiceError where it is refused, at once or by the promise. */
export function perform(doors: CommandDoors, session: Session, frame: ClientFrame): Answer {
  switch (frame.type) {
    case "message":
      return chat(doors, session, frame);
    case "send_now":
      return sendNow(doors, session);
    case "publish":
      return publish(doors, session, frame);
    case "subscribe":
      return subscribe(doors, session, frame);
    case "unsubscribe":
      return unsubscribe(doors, session, frame);
    case "history":
      return history(doors, session, frame);
    case "presence":
      return presence(doors, session, frame);
    case "auth":
      return auth(doors, session, frame);
    case "ping":
      return { type: "pong" };
  }
}
