import type { ChannelName } from "./channel-name.ts";
import type { ErrorCode } from "./errors.ts";
import type { Position, Since } from "./position.ts";
import type { Body, Labels, Publication } from "./publication.ts";

/** What a command may carry and its answer brings back. */
export type Ref = string | number;

/** Everything a client may say, after the decoder: field names are ours, defaults are filled in. */
export type ClientFrame =
  | { readonly type: "message"; readonly message: string; readonly sender?: string }
  | { readonly type: "send_now" }
  | ({ readonly type: "publish" } & PublishFields)
  | { readonly type: "subscribe"; readonly channel: ChannelName; readonly since?: Since }
  | { readonly type: "unsubscribe"; readonly channel: ChannelName }
  | { readonly type: "history"; readonly channel: ChannelName; readonly since: Since; readonly limit: number }
  | { readonly type: "presence"; readonly channel: ChannelName; readonly page?: string }
  | { readonly type: "auth"; readonly token: string }
  | { readonly type: "ping" };

/** The fields of a client's publish command. */
export interface PublishFields extends Body, Labels {
  readonly channel: ChannelName;
  readonly id?: string;
  readonly ephemeral: boolean;
  /** Whether the publisher wants its own copy. */
  readonly echo: boolean;
}

/** Where a subscription begins; `recovered` only where a position was asked for. */
export interface Joined {
  readonly epoch: string;
  /** The channel's top. */
  readonly offset: number;
  /** The offset of the first publication that follows. */
  readonly from: number;
  readonly recovered?: boolean;
  readonly reason?: GapReason;
}

/** Why something cannot be known to be complete. */
export type GapReason = "epoch-changed" | "history-too-short";

/** Everything the server may say. `ref` stands only in answers. Written out by codec.ts. */
export type ServerFrame = SystemFrame | AnswerFrame | MessageFrame | AdvanceFrame;

export interface MessageFrame {
  readonly type: "message";
  readonly publication: Publication;
}

/** A connection was left out of what lies up to `offset`. */
export interface AdvanceFrame {
  readonly type: "advance";
  readonly channel: ChannelName;
  readonly offset: number;
}

export type SystemFrame = WelcomeFrame | NoticeFrame | DrainingFrame | GapFrame | ClosingFrame | HeartbeatFrame;

export interface WelcomeFrame {
  readonly type: "system";
  readonly event: "welcome";
  readonly protocol: 1;
  /** Left out, like the count, where notices are off. */
  readonly message?: string;
  readonly connection_id: string;
  readonly resume_key: string;
  readonly user_id?: string;
  readonly online?: number;
  readonly ping_interval_ms: number;
  readonly limits: WelcomeLimits;
  readonly timestamp: string;
  readonly channels: Readonly<Record<string, Joined>>;
  /** Parameters of the URL that the server does not know, a sentence each. */
  readonly warnings?: readonly string[];
}

/** What the server takes from one connection, so that a client can refuse what the server would refuse. */
export interface WelcomeLimits {
  /** Bytes of one publication's `message`, `data` and `headers` together, in UTF-8. */
  readonly max_message_bytes: number;
  /** Frames per second, twice as many at once; 0: no limit. */
  readonly message_rate: number;
  /** Channels, `all` and the user's own not counted. */
  readonly max_channels: number;
}

/** Others came or went. */
export interface NoticeFrame {
  readonly type: "system";
  readonly event: "joined" | "left";
  readonly message: string;
  readonly online: number;
  readonly timestamp: string;
}

export interface DrainingFrame {
  readonly type: "system";
  readonly event: "draining";
  readonly message: string;
  /** How long until the server closes the connection by itself. */
  readonly deadline_ms: number;
  /** This connection's own moment to come back. */
  readonly reconnect_after_ms: number;
  /** Is there another worker or node to go to? */
  readonly successor: boolean;
  readonly timestamp: string;
}

/** What lies between `from` and `to`, both included, will not come. */
export interface GapFrame {
  readonly type: "system";
  readonly event: "gap";
  readonly channel: ChannelName;
  readonly reason: GapReason;
  readonly epoch: string;
  readonly from: number;
  readonly to: number;
  readonly message: string;
}

/** Event streams only: the last event before the server ends the stream, because a stream has no close codes. */
export interface ClosingFrame {
  readonly type: "system";
  readonly event: "closing";
  /** A code of the table of close codes. */
  readonly code: number;
  /** For people. */
  readonly reason: string;
  /** When to reconnect, milliseconds from now; absent where a client should not. */
  readonly reconnect_after_ms?: number;
}

/** Event streams only, for a client that asked for it: a sign of life that a page can see, unlike a comment. */
export interface HeartbeatFrame {
  readonly type: "system";
  readonly event: "heartbeat";
  readonly timestamp: string;
}

export type AnswerFrame = AnswerLabels &
  (
    | AckFrame
    | ErrorFrame
    | HistoryFrame
    | PresenceFrame
    | ({ readonly type: "subscribed"; readonly channel: ChannelName } & Joined)
    | { readonly type: "unsubscribed"; readonly channel: ChannelName }
    | { readonly type: "authenticated"; readonly expires_at: string | null }
    | { readonly type: "pong" }
  );

/** What any answer may carry. */
export interface AnswerLabels {
  readonly ref?: Ref;
  /** Fields of the command that the server does not know, a sentence each: most are slips of the keyboard. */
  readonly warnings?: readonly string[];
}

/** The publication is stored. An ephemeral one has no position. */
export interface AckFrame extends Partial<Position> {
  readonly type: "ack";
  readonly channel: ChannelName;
  readonly id: string;
  readonly duplicate: boolean;
}

export interface ErrorFrame {
  readonly type: "error";
  readonly code: ErrorCode;
  readonly message: string;
  readonly field?: string;
  /** Event streams only: the channel of the URL that was refused; the others are served. */
  readonly channel?: ChannelName;
  readonly retry_after_ms?: number;
}

export interface HistoryFrame extends Position {
  readonly type: "history";
  readonly channel: ChannelName;
  readonly messages: readonly Publication[];
  /** Nothing is missing between what was asked for and the first message. */
  readonly complete: boolean;
  readonly reason?: GapReason;
}

export interface PresenceFrame {
  readonly type: "presence";
  readonly channel: ChannelName;
  /** Connections. */
  readonly count: number;
  /** A page of the users, sorted, each once; left out where only the count may be known. */
  readonly users?: readonly string[];
  /** The `page` to ask for next; left out on the last page. */
  readonly next_page?: string;
}

/** How a publication stands in a message frame and in history answers; `data` is parsed here, on the reader's side. */
export interface MessageOnTheWire {
  readonly type: "message";
  readonly channel: string;
  readonly offset?: number;
  readonly id: string;
  readonly timestamp: string;
  readonly sent_at?: string;
  readonly event?: string;
  readonly message?: string;
  readonly data?: unknown;
  readonly sender?: string;
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
}
