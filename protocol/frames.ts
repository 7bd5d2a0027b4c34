import type { ChannelName } from "./channel-name.ts";
import type { ErrorCode } from "./errors.ts";
import type { Position, Since } from "./position.ts";
import type { Body, Labels, Publication } from "./publication.ts";

/** An id that a client gives to a command. The answer carries the same one. */
export type Ref = string | number;

/** The commands a client can send, after decoding: with our field names and the defaults filled in. */
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
  /** Whether the publisher receives its own copy. */
  readonly echo: boolean;
}

/** Where a subscription begins. `recovered` is only set if a position was requested. */
export interface Joined {
  readonly epoch: string;
  /** The channel's top. */
  readonly offset: number;
  /** The offset of the first publication that follows. */
  readonly from: number;
  readonly recovered?: boolean;
  readonly reason?: GapReason;
}

/** Why messages may be missing. */
export type GapReason = "epoch-changed" | "history-too-short";

/** The frames a server can send. `ref` only appears in answers. Encoded by codec.ts. */
export type ServerFrame =
  | SystemFrame
  | AnswerFrame
  | MessageFrame
  | AdvanceFrame
  | PresenceEventFrame
  | PresenceResetFrame;

export interface MessageFrame {
  readonly type: "message";
  readonly publication: Publication;
}

/** Tells a connection that was excluded from publications that the channel is now at `offset`. */
export interface AdvanceFrame {
  readonly type: "advance";
  readonly channel: ChannelName;
  readonly offset: number;
}

export type SystemFrame =
  | WelcomeFrame
  | NoticeFrame
  | DrainingFrame
  | GapFrame
  | TokenExpiringFrame
  | ClosingFrame
  | HeartbeatFrame;

export interface WelcomeFrame {
  readonly type: "system";
  readonly event: "welcome";
  readonly protocol: 1;
  /** Left out, like `online`, if notices are off. */
  readonly message?: string;
  readonly connection_id: string;
  readonly resume_key: string;
  readonly user_id?: string;
  readonly online?: number;
  readonly ping_interval_ms: number;
  readonly limits: WelcomeLimits;
  readonly timestamp: string;
  readonly channels: Readonly<Record<string, Joined>>;
  /** One sentence per unknown URL parameter. */
  readonly warnings?: readonly string[];
}

/** The server's limits for one connection, so that a client can reject what the server would reject. */
export interface WelcomeLimits {
  /** Bytes of one publication's `message`, `data` and `headers` together, in UTF-8. */
  readonly max_message_bytes: number;
  /** Frames per second; bursts of twice as many are allowed. 0: no limit. */
  readonly message_rate: number;
  /** Channels per connection, not counting `all` and the user's own. */
  readonly max_channels: number;
}

/** Other clients joined or left. */
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
  /** When this connection should reconnect, in milliseconds from now. Differs per connection. */
  readonly reconnect_after_ms: number;
  /** Whether another worker or node accepts connections. */
  readonly successor: boolean;
  readonly timestamp: string;
}

/** The publications from `from` to `to`, both included, are missing and will not be delivered. */
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

/** Sent 30 s before the connection's token expires, or right after the welcome if it expires earlier. */
export interface TokenExpiringFrame {
  readonly type: "system";
  readonly event: "token-expiring";
  readonly message: string;
  /** When the server closes the connection, unless the client sends a new token or reconnects with one. */
  readonly expires_at: string;
  /** The same, in milliseconds from now. */
  readonly expires_in_ms: number;
  readonly timestamp: string;
}

/** Event streams only: the last event before the server ends the stream. Takes the place of a close code. */
export interface ClosingFrame {
  readonly type: "system";
  readonly event: "closing";
  /** A code from the table of close codes. */
  readonly code: number;
  /** Meant for people. */
  readonly reason: string;
  /** When to reconnect, in milliseconds from now. Absent if the client should not reconnect. */
  readonly reconnect_after_ms?: number;
}

/** Event streams only, if the client asked for it: a heartbeat that a page can see, unlike a comment. */
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

/** Fields that any answer can have. */
export interface AnswerLabels {
  readonly ref?: Ref;
  /** One sentence per unknown field of the command. Most are typing errors. */
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
  /** Whether nothing is missing between the requested position and the first message. */
  readonly complete: boolean;
  readonly reason?: GapReason;
}

export interface PresenceFrame {
  readonly type: "presence";
  readonly channel: ChannelName;
  /** Number of connections, those on other pages included. */
  readonly count: number;
  /** Number of further connections that are neither listed nor announced, because the channel has too many. */
  readonly unlisted?: number;
  /** The users of the members of this page, sorted. On all pages together, each user is listed once. */
  readonly users?: readonly string[];
  /** One page of the connections, sorted by user. Left out, like `users`, if the client may only know the count. */
  readonly members?: readonly PresenceMember[];
  /** The last presence event that is part of this answer. Only in channels with presence events. */
  readonly epoch?: string;
  readonly position?: number;
  /** The `page` to request next. Left out on the last page. */
  readonly next?: string;
}

/** A connection in a channel. */
export interface PresenceMember {
  /** The connection with which the client joined. It stays the same while the client moves to another server. */
  readonly connection_id: string;
  readonly user_id?: string;
  /** The claim `info` of the client's token. */
  readonly info?: unknown;
  /** When it joined the channel. */
  readonly since: string;
}

/** A client joined or left a channel. `position` grows by 1 per event of a channel. */
export interface PresenceEventFrame extends Omit<PresenceMember, "since"> {
  readonly type: "presence";
  readonly event: "joined" | "left";
  readonly channel: ChannelName;
  readonly epoch: string;
  readonly position: number;
  /** Connections in the channel from now on. */
  readonly count: number;
  readonly timestamp: string;
}

/** Presence events of this channel may have been missed: the client must request the presence again. */
export interface PresenceResetFrame {
  readonly type: "presence";
  readonly event: "reset";
  readonly channel: ChannelName;
  readonly timestamp: string;
}

/** A publication in message frames and history answers, as a client decodes it: `data` is parsed. */
export interface WireMessage {
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
