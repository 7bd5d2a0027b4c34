import type { AnswerFrame, PublishFields } from "../../../protocol/frames.ts";
import type { Draft } from "../../../protocol/publication.ts";
import { andThen } from "../../lib/and-then.ts";
import { publisherOf } from "../../limits/principal.ts";
import type { Session } from "../../session/session.ts";
import type { CommandDependencies } from "./dependencies.ts";

/** Publishes for a client. The answer is sent once the publication is stored. */
export function publish(
  dependencies: CommandDependencies,
  session: Session,
  frame: { readonly type: "publish" } & PublishFields,
): AnswerFrame | Promise<AnswerFrame> {
  dependencies.access.checkPublish(session.identity, frame.channel);
  const { type: _, echo, ephemeral, sender: claimed, ...labels } = frame;
  const sender = dependencies.access.senderOf(session.identity, claimed);
  const draft: Draft = {
    ...labels,
    ...(sender === undefined ? {} : { sender }),
    publisher: publisherOf(session),
    ...(ephemeral ? { ephemeral } : {}),
    ...(echo ? {} : { excludeConnectionId: session.id }),
  };
  const { channel } = frame;
  return andThen(dependencies.publish(draft), ({ id, position, duplicate }) => ({
    type: "ack",
    channel,
    id,
    ...position,
    duplicate,
  }));
}
