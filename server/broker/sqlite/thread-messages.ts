import type { ChannelName } from "../../../protocol/channel-name.ts";
import type { ErrorCode } from "../../../protocol/errors.ts";
import type { GapReason } from "../../../protocol/frames.ts";
import type { Position, Since } from "../../../protocol/position.ts";
import type { Place } from "../ledger/ledger.ts";
import type { ChannelSummary, HistoryRules, LogEntry, ReadOptions } from "../log.ts";
import type { LogLimits } from "../log-limits.ts";
import type { StorageFault } from "./storage-error.ts";

/** The optional parameters of `Log.tops`. */
export interface TopsOptions {
  readonly seen?: ReadonlyMap<ChannelName, Position> | undefined;
  readonly publisher?: string | undefined;
}

/**
 * Requests of a log to its thread. They are sent in lists, take effect in order, and are answered in lists of the same length
 * and order. `now` is the log's steady time and `wall` the wall clock's, both milliseconds since 1970.
 */
export type Request =
  | {
      readonly verb: "open";
      readonly directory: string;
      readonly limits: LogLimits;
      readonly now: number;
      readonly wall: number;
    }
  | { readonly verb: "append"; readonly entries: readonly LogEntry[]; readonly now: number; readonly wall: number }
  /** Asks for the rules of all channels that keep publications. */
  | { readonly verb: "channelRules"; readonly now: number }
  /** New rules for channels that keep publications, because the settings may have changed since the last publication. */
  | {
      readonly verb: "setRules";
      readonly rules: readonly (readonly [ChannelName, HistoryRules])[];
      readonly now: number;
    }
  | {
      readonly verb: "read";
      readonly channel: ChannelName;
      readonly since: Since;
      readonly options: ReadOptions;
      readonly now: number;
    }
  | {
      readonly verb: "tops";
      readonly channels: readonly ChannelName[];
      readonly options: TopsOptions;
      readonly now: number;
    }
  | { readonly verb: "summary"; readonly channel: ChannelName; readonly now: number }
  | {
      readonly verb: "list";
      readonly prefix: string;
      readonly after: string;
      readonly limit: number;
      readonly now: number;
    }
  | { readonly verb: "sweep"; readonly now: number; readonly wall: number }
  | { readonly verb: "close"; readonly now: number; readonly wall: number };

export type AppendRequest = Extract<Request, { verb: "append" }>;

/** The answers to a list of requests. */
export interface Reply {
  readonly answers: readonly Answer[];
  /** New findings about the file, as sentences for the log. */
  readonly notes: readonly string[];
}

export type Answer =
  | { readonly verb: "appended"; readonly placed: readonly Placed[] }
  | ({ readonly verb: "read" } & StoredStretch)
  | { readonly verb: "tops"; readonly tops: ReadonlyMap<ChannelName, Position> }
  | { readonly verb: "summary"; readonly summary: ChannelSummary | undefined }
  | { readonly verb: "list"; readonly summaries: readonly ChannelSummary[] }
  | { readonly verb: "opened"; readonly channelRules: readonly (readonly [ChannelName, HistoryRules])[] }
  | { readonly verb: "channelRules"; readonly channelRules: readonly (readonly [ChannelName, HistoryRules])[] }
  /** Answers `setRules`, `sweep` (whether it is complete) and `close`. */
  | { readonly verb: "done"; readonly isDone: boolean }
  /** The code and message of a ServiceError. */
  | { readonly verb: "refused"; readonly code: ErrorCode; readonly message: string }
  /** The storage failed. `cause` is the system's error. */
  | { readonly verb: "failed"; readonly fault: StorageFault; readonly message: string; readonly cause: string };

/** The result of one draft, without the draft. */
export type Placed =
  | ({ readonly outcome: "stored" } & Place)
  | { readonly outcome: "duplicate"; readonly id: string; readonly position: Position }
  | { readonly outcome: "refused"; readonly code: ErrorCode; readonly message: string; readonly retryAfterMs?: number };

/** A page of history as stored in the file. */
export interface StoredStretch {
  readonly top: Position;
  readonly gap: GapReason | undefined;
  readonly publications: readonly StoredPublication[];
}

export interface StoredPublication {
  readonly offset: number;
  readonly timestamp: number;
  /** See stored-body.ts. */
  readonly body: string;
}
