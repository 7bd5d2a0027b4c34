import type { ChannelName } from "../../protocol/channel-name.ts";
import type { ServiceError } from "../../protocol/errors.ts";
import type { GapReason } from "../../protocol/frames.ts";
import type { Position, Since } from "../../protocol/position.ts";
import type { Draft, Publication } from "../../protocol/publication.ts";

/**
 * The storage of the embedded broker: memory, or a file.
 *
 * The law: (channel, epoch, offset) never names two publications. Offsets grow by exactly 1 within an epoch; wherever
 * numbering could start over, the epoch is a new random one. A channel's epoch and top outlive its messages by far.
 * Calls take effect in the order in which they are made. Ephemeral drafts never come here. What all channels together may
 * hold is bounded (log-limits.ts).
 */
export interface Log {
  /** Idempotent. @throws UnusableStorage that says what to do. */
  open(): Promise<void>;
  /**
   * Stores drafts in their order and answers one by one, in order; resolves once they are stored, never before.
   * A draft refused on its own (too many channels, memory of ids full) is an answer and does not stop the others.
   * An id that the draft brings is remembered for the window; one that the log makes up is not, since only a publisher
   * that chose an id says it again. Without entries it stores nothing and says whether storing works now.
   * @throws ServiceError "broker-unavailable" when none of them is known to be stored.
   */
  append(entries: readonly LogEntry[]): Promise<readonly Appended[]>;
  /**
   * What came after `since`, oldest first: at most `limit` publications and at most `maxBytes` by `costOf`, but one
   * publication whatever its size, since a reader could not go on otherwise. A channel never heard of has an empty, complete history, and
   * gets its epoch here. A position beyond the top is one of another life of the channel: "epoch-changed".
   */
  read(channel: ChannelName, since: Since, limit: number, maxBytes: number): Promise<History>;
  /**
   * Each channel's top; one never heard of gets its epoch here.
   * @param seen Positions that were given out. A channel that is behind one in the same epoch gets a new epoch here: what
   * is kept of it, and its top, stay as they are under the new one. It is stored when this resolves.
   * @throws ServiceError "too-many-channels".
   */
  tops(
    channels: readonly ChannelName[],
    seen?: ReadonlyMap<ChannelName, Position>,
  ): Promise<ReadonlyMap<ChannelName, Position>>;
  /** One channel, or undefined if it is not known. Does not create it. Constant time. */
  summary(channel: ChannelName): Promise<ChannelSummary | undefined>;
  /** Known channels that begin with `prefix`, by name, those after `after` only. */
  list(prefix: string, after: string, limit: number): Promise<readonly ChannelSummary[]>;
  /** Closes every file and timer. Idempotent. */
  close(): Promise<void>;
}

/** One draft and how its channel keeps history. */
export interface LogEntry {
  readonly draft: Draft;
  readonly rules: HistoryRules;
}

/** How much of a channel is kept: whichever bound is met first. A size of 0 keeps nothing but the numbering. */
export interface HistoryRules {
  /** Publications. */
  readonly historySize: number;
  /** Milliseconds; one of exactly this age is still there. */
  readonly historyTtl: number;
  /** Bytes, by `costOf`. */
  readonly historyBytes: number;
}

/** The result of one draft. A duplicate answers with the first one's position, whatever its body. */
export type Appended =
  | { readonly outcome: "stored"; readonly publication: Publication }
  | { readonly outcome: "duplicate"; readonly id: string; readonly position: Position }
  | { readonly outcome: "refused"; readonly error: ServiceError };

/** A page of a channel's history. */
export interface History {
  /** The channel's top when it was read; beyond the last publication if a bound cut it short. */
  readonly top: Position;
  readonly publications: readonly Publication[];
  /** Whether nothing is missing between what was asked for and the first publication (or the top, if there is none). */
  readonly gap: GapReason | undefined;
}

/** A channel as lists show it. */
export interface ChannelSummary {
  readonly channel: ChannelName;
  readonly top: Position;
  /** Publications kept now; undefined where that is not known without asking for them. */
  readonly messages?: number;
}
