import type { ChannelName } from "../../protocol/channel-name.ts";
import type { ServiceError } from "../../protocol/errors.ts";
import type { GapReason } from "../../protocol/frames.ts";
import type { Position, Since } from "../../protocol/position.ts";
import type { Draft, Publication } from "../../protocol/publication.ts";
import type { Moment } from "../lib/clock.ts";

/**
 * The storage of the embedded broker: memory, or a file.
 *
 * The contract: (channel, epoch, offset) never names two publications. Offsets grow by exactly 1 within an epoch. Where
 * numbering could start over, the channel gets a new random epoch. A channel's epoch and top long outlive its messages.
 * Calls take effect in the order in which they are made. A log never receives ephemeral drafts. All channels together have
 * limits (log-limits.ts).
 */
export interface Log {
  /** Idempotent. @throws UnusableStorage that says what to do. */
  open(): Promise<void>;
  /**
   * Stores drafts in order and returns one result per draft. Resolves once they are stored, never before.
   * A refused draft (too many channels, memory of ids full) is a result and does not stop the others.
   * A publisher's id is remembered for the window. A generated one is not, because no publisher retries with it.
   * Without entries it stores nothing and checks whether storing works now.
   * @throws ServiceError "broker-unavailable" when none of them is known to be stored.
   */
  append(entries: readonly LogEntry[]): Promise<readonly Appended[]>;
  /**
   * Stores one draft at once, and keeps none of its texts, only copies. Only a log that takes effect synchronously and
   * cannot fail has it.
   * @param moment the current time, if the caller knows it
   */
  enter?(draft: Draft, rules: HistoryRules, moment?: Moment): Appended;
  /**
   * The publications after `since`, oldest first. A channel that is not known has an empty, complete history, and gets its
   * epoch here. If there is no room for it, each call returns another epoch. A position beyond the top belongs to another
   * epoch: "epoch-changed".
   */
  read(channel: ChannelName, since: Since, options: ReadOptions): Promise<History>;
  /**
   * Each channel's top. A channel that is not known gets its epoch here.
   * @param seen Positions that clients have received. A channel that is behind its position in the same epoch gets a new
   * epoch, and keeps its publications and its top under it. The new epoch is stored when this resolves.
   * @param publisher the client that is charged for new channels, as in `Draft`
   * @throws ServiceError "too-many-channels", but never for `all` and users' channels.
   */
  tops(
    channels: readonly ChannelName[],
    seen?: ReadonlyMap<ChannelName, Position>,
    publisher?: string,
  ): Promise<ReadonlyMap<ChannelName, Position>>;
  /** One channel, or undefined if it is not known. Does not create it. Constant time. */
  summary(channel: ChannelName): Promise<ChannelSummary | undefined>;
  /** Known channels whose names begin with `prefix` and are after `after`, sorted by name. */
  list(prefix: string, after: string, limit: number): Promise<readonly ChannelSummary[]>;
  /** Closes every file and timer. Idempotent. */
  close(): Promise<void>;
}

/** A log whose channels can get other rules without a publication. */
export interface RuledLog extends Log {
  /**
   * The settings have changed: channels that keep publications get these rules at once.
   * @throws ServiceError "broker-unavailable" if it is not known whether all have them
   */
  applyRules(rulesOf: (channel: ChannelName) => HistoryRules): Promise<void>;
}

/** How much one read returns. */
export interface PageBounds {
  /** Publications. */
  readonly limit: number;
  /** Bytes, by `costOf`. One publication is returned whatever its size, so that a reader can always continue. */
  readonly maxBytes: number;
}

export interface ReadOptions extends PageBounds {
  /** The client that is charged for the channel if it is new, as in `Draft`. */
  readonly publisher?: string | undefined;
}

/** One draft and how its channel keeps history. */
export interface LogEntry {
  readonly draft: Draft;
  readonly rules: HistoryRules;
}

/** How much of a channel is kept. The first limit that is reached applies. A size of 0 keeps only the numbering. */
export interface HistoryRules {
  /** Publications. */
  readonly historySize: number;
  /** Milliseconds. A publication of exactly this age is still kept. */
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
  /** The channel's top when it was read. It is beyond the last publication if a limit ended the page. */
  readonly top: Position;
  readonly publications: readonly Publication[];
  /**
   * Why publications are missing between the requested position and the first one returned (or the top, if none is). A page
   * ends before a gap, or begins after it: reading on from the last publication reports the next gap.
   */
  readonly gap: GapReason | undefined;
}

/** A channel as lists show it. */
export interface ChannelSummary {
  readonly channel: ChannelName;
  readonly top: Position;
  /** Publications kept now. Undefined if counting them would require reading them. */
  readonly messages?: number;
}
