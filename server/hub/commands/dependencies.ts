import type { ChannelName } from "../../../protocol/channel-name.ts";
import type { AnswerFrame, Joined } from "../../../protocol/frames.ts";
import type { Since } from "../../../protocol/position.ts";
import type { Draft } from "../../../protocol/publication.ts";
import type { Access } from "../../auth/access.ts";
import type { Published } from "../../broker/broker.ts";
import type { History } from "../../broker/log.ts";
import type { Session } from "../../session/session.ts";
import type { Occupancy } from "../occupancy.ts";

/** Text that a client sent to everyone. */
export interface Chat {
  readonly message: string;
  readonly sender: string | undefined;
}

/** What commands may do; nothing of the hub beyond it. */
export interface CommandDependencies {
  readonly access: Access;
  publish(draft: Draft): Promise<Published>;
  /**
   * Joins at once, or gives the step that joins: it is taken in the turn in which its answer is sent, so that nothing of
   * the channel comes before the answer.
   * @throws ServiceError "too-many-channels", or what the broker throws
   */
  subscribe(session: Session, channel: ChannelName, since: Since | undefined): Joined | Promise<() => Joined>;
  unsubscribe(session: Session, channel: ChannelName): void;
  history(channel: ChannelName, since: Since, limit: number): Promise<History>;
  /** Who is in a channel now. */
  readonly occupancy: Pick<Occupancy, "counts" | "users">;
  /** A client said something to everyone. */
  onChat(said: Chat, session: Session): void;
  /** The session's identity was replaced. */
  onIdentity(session: Session): void;
}

/** What a command answers, at once or later; undefined where nothing is said. A refusal is thrown. */
export type Answer = AnswerFrame | undefined | Promise<AnswerFrame | LastStep | undefined>;

/** What is left to do in the turn in which the answer is sent. */
export type LastStep = () => AnswerFrame;
