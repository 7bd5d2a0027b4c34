import type { ChannelName } from "../../../protocol/channel-name.ts";
import type { AnswerFrame, Joined } from "../../../protocol/frames.ts";
import type { Since } from "../../../protocol/position.ts";
import type { Draft } from "../../../protocol/publication.ts";
import type { Access } from "../../auth/access.ts";
import type { Published } from "../../broker/broker.ts";
import type { History } from "../../broker/log.ts";
import type { Account } from "../../limits/account.ts";
import type { Session } from "../../session/session.ts";
import type { PageRequest } from "../history-pages.ts";
import type { HubPresence } from "../presence.ts";

/** A chat message that a client sent to everyone. */
export interface Chat {
  readonly message: string;
  readonly sender: string | undefined;
}

/** The parts of the hub that commands may use. */
export interface CommandDependencies {
  readonly access: Access;
  /** Synchronous if the broker is. @throws ServiceError if it is refused, synchronously or as a rejection */
  publish(draft: Draft): Published | Promise<Published>;
  /**
   * Joins at once, or resolves to the step that joins. That step runs in the turn in which its answer is sent, so that no
   * publication of the channel precedes the answer.
   * @throws ServiceError "too-many-channels", or errors of the broker or the presence store
   */
  subscribe(session: Session, channel: ChannelName, since: Since | undefined): Joined | Promise<() => Joined>;
  /** The same, once the permission is there. @throws also errors of `allowed` */
  subscribeOnce(
    allowed: Promise<void>,
    session: Session,
    channel: ChannelName,
    since: Since | undefined,
  ): Promise<() => Joined>;
  /** @param by who ends it: the client, or a token that does not allow the channel */
  unsubscribe(session: Session, channel: ChannelName, by: "client" | "token"): void;
  /** @param account is charged for the bytes @throws ServiceError "rate-limited" */
  history(request: PageRequest, account: Account): Promise<History>;
  /** The account that the commands of a session are charged to. */
  accountOf(session: Session): Account;
  /** The connections and users in a channel now. */
  readonly presence: Pick<HubPresence, "count" | "read">;
  /** A client sent a chat message to everyone. */
  onChat(chat: Chat, session: Session): void;
  /** The session's identity was replaced. */
  onIdentity(session: Session): void;
}

/** The answer to a command, at once or later; undefined if there is none. Errors are thrown. */
export type Answer = AnswerFrame | undefined | Promise<AnswerFrame | LastStep | undefined>;

/** The part of a command that must run in the turn in which the answer is sent. */
export type LastStep = () => AnswerFrame;
