import type { ChannelName } from "../../protocol/channel-name.ts";
import type { CloseName } from "../../protocol/close-codes.ts";
import type { ErrorCode } from "../../protocol/errors.ts";
import type { GapReason } from "../../protocol/frames.ts";

/** The time of a record: milliseconds of the monotonic clock, which setting the wall clock does not change. */
export type Monotonic = number;

/** The offsets of a channel that a connection was to receive: those after `after`, of which it was sent up to `cursor`. */
export interface Coverage {
  readonly epoch: string;
  /** The offset after which it began. */
  readonly after: number;
  /** The last offset that was handed to the connection. */
  readonly cursor: number;
}

/** Something that happened to a connection in a channel and that its cursors do not show. */
export type Note =
  | ({ readonly kind: "left"; readonly at: Monotonic; readonly channel: ChannelName } & Coverage & {
        /** Whether the client ended it, or a new token that does not allow the channel. */
        readonly by: "client" | "token";
      })
  | {
      readonly kind: "refused";
      readonly at: Monotonic;
      readonly channel: ChannelName;
      readonly code: ErrorCode;
      readonly reason: string;
    }
  | ({ readonly kind: "gap"; readonly at: Monotonic; readonly channel: ChannelName } & Gap);

/** Offsets that were announced as missing, both included. */
export interface Gap {
  readonly epoch: string;
  readonly from: number;
  readonly to: number;
  readonly reason: GapReason;
}

/** A gap of a whole channel: all its members of that time were told. */
export interface ChannelGap extends Gap {
  readonly at: Monotonic;
}

/** A channel that a connection was in when it ended. */
export interface LeftChannel extends Coverage {
  readonly channel: ChannelName;
}

/** A connection that has ended. */
export interface Departure {
  readonly connection: string;
  readonly user: string | undefined;
  readonly remote: string;
  readonly connectedAt: Monotonic;
  readonly at: Monotonic;
  /** Why the server closed it; undefined if the client closed it or the network broke. */
  readonly closed: CloseName | undefined;
  /** Whether its socket was full, so that the last messages may not have left the server. */
  readonly wasFull: boolean;
  readonly channels: readonly LeftChannel[];
  readonly notes: readonly Note[];
}

/** Something that was refused: a connection, a command of a client, or an HTTP request. */
export interface Refusal {
  readonly what: "connection" | "command" | "request";
  /** The refused action: `connect`, `subscribe`, or `POST /v1/publish`. */
  readonly action: string;
  readonly code: ErrorCode;
  readonly reason: string;
  /** The client's address. */
  readonly remote: string;
  readonly connection?: string | undefined;
  /** As the client says; it may not be proven. */
  readonly user?: string | undefined;
  readonly channel?: ChannelName | undefined;
  /** The id of the refused publication. */
  readonly id?: string | undefined;
}

/** A refusal, and when. */
export interface DatedRefusal extends Refusal {
  readonly at: Monotonic;
}
