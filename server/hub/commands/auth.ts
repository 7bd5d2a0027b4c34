import { isoTime } from "../../../protocol/codec.ts";
import { ServiceError } from "../../../protocol/errors.ts";
import type { AnswerFrame } from "../../../protocol/frames.ts";
import type { Session } from "../../session/session.ts";
import type { CommandDependencies } from "./dependencies.ts";

/** Replaces the token of a session with a new one for the same user. Leaves the channels that it does not allow. */
export async function auth(
  dependencies: CommandDependencies,
  session: Session,
  frame: { readonly token: string },
): Promise<AnswerFrame> {
  const identity = await dependencies.access.identify({ userId: undefined, token: frame.token });
  if (identity.userId !== session.userId) {
    throw new ServiceError(
      "forbidden",
      "token: expected a token for the same user. To change the user, open a new connection",
    );
  }
  // As for joining them: the application may be asked about each.
  dependencies.accountOf(session).charge("joins", session.memberships.size);
  session.identity = identity;
  dependencies.onIdentity(session);
  for (const channel of session.memberships.names()) {
    if (await maySubscribe(dependencies, session, channel)) continue;
    dependencies.unsubscribe(session, channel, "token");
    session.sendFrame({ type: "unsubscribed", channel });
  }
  const expires_at = identity.expiresAtMs === undefined ? null : isoTime(identity.expiresAtMs);
  return { type: "authenticated", expires_at };
}

/** If the application does not answer, the session stays: it was allowed before. */
async function maySubscribe(
  dependencies: CommandDependencies,
  session: Session,
  channel: Parameters<CommandDependencies["unsubscribe"]>[1],
) {
  try {
    await dependencies.access.checkSubscribe(session.identity, channel);
    return true;
  } catch (error) {
    if (error instanceof ServiceError) return error.code === "hook-unavailable";
    throw error;
  }
}
