import type { ClientFrame } from "../../../protocol/frames.ts";
import type { Session } from "../../session/session.ts";
import { auth } from "./auth.ts";
import { chat, sendNow } from "./chat.ts";
import type { Answer, CommandDependencies } from "./dependencies.ts";
import { history } from "./history.ts";
import { presence } from "./presence.ts";
import { publish } from "./publish.ts";
import { subscribe, unsubscribe } from "./subscribe.ts";

/** Runs one command. @throws ServiceError if it is refused, synchronously or as a rejection */
export function perform(dependencies: CommandDependencies, session: Session, frame: ClientFrame): Answer {
  switch (frame.type) {
    case "message":
      return chat(dependencies, session, frame);
    case "send_now":
      return sendNow(dependencies, session);
    case "publish":
      return publish(dependencies, session, frame);
    case "subscribe":
      return subscribe(dependencies, session, frame);
    case "unsubscribe":
      return unsubscribe(dependencies, session, frame);
    case "history":
      return history(dependencies, session, frame);
    case "presence":
      return presence(dependencies, session, frame);
    case "auth":
      return auth(dependencies, session, frame);
    case "ping":
      return { type: "pong" };
  }
}
