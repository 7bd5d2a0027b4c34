import type { ChannelName } from "../../../protocol/channel-name.ts";
import type { ErrorCode } from "../../../protocol/errors.ts";
import type { GapReason } from "../../../protocol/frames.ts";
import type { Position, Since } from "../../../protocol/position.ts";
import type { PageBounds } from "../ledger/kept-channel.ts";
import type { Place } from "../ledger/ledger.ts";
import type { ChannelSummary, HistoryRules, LogEntry } from "../log.ts";
import type { LogLimits } from "../log-limits.ts";
import type { StorageFault } from "./storage-error.ts";

/**
 * What a log asks of its thread. They travel in lists, are answered in lists of the same length and order, and take effect
 * in that order. `now` is the log's steady time and `wall` the wall clock's, both milliseconds since 1970.
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
  /** Rules for channels that keep something: settings may have changed since they were published to. */
  | {
      readonly verb: "govern";
      readonly rules: readonly (readonly [ChannelName, HistoryRules])[];
      readonly now: number;
    }
  | {
      readonly verb: "read";
      readonly channel: ChannelName;
      readonly since: Since;
      readonly bounds: PageBounds;
      readonly now: number;
    }
  | {
      readonly verb: "tops";
      readonly channels: readonly ChannelName[];
      readonly seen: ReadonlyMap<ChannelName, Position> | undefined;
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
  /** What the thread found out about the file meanwhile, as sentences for the log. */
  readonly notes: readonly string[];
}

export type Answer =
  | { readonly verb: "appended"; readonly placed: readonly Placed[] }
  | ({ readonly verb: "read" } & StoredStretch)
  | { readonly verb: "tops"; readonly tops: ReadonlyMap<ChannelName, Position> }
  | { readonly verb: "summary"; readonly summary: ChannelSummary | undefined }
  | { readonly verb: "list"; readonly summaries: readonly ChannelSummary[] }
  | { readonly verb: "opened"; readonly governed: readonly (readonly [ChannelName, HistoryRules])[] }
  /** Of `govern`, `sweep` (whether all was looked at) and `close`. */
  | { readonly verb: "done"; readonly isDone: boolean }
  /** As a ServiceError would say it. */
  | { readonly verb: "refused"; readonly code: ErrorCode; readonly message: string }
  /** The place to store in failed; `cause` is what the system said. */
  | { readonly verb: "failed"; readonly fault: StorageFault; readonly message: string; readonly cause: string };

/** What became of one draft; the draft itself does not come back. */
export type Placed =
  | ({ readonly outcome: "stored" } & Place)
  | { readonly outcome: "duplicate"; readonly id: string; readonly position: Position }
  | { readonly outcome: "refused"; readonly code: ErrorCode; readonly message: string };

/** A stretch of history as it lies in the file. */
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
