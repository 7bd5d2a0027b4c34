import type {
  ClosingFrame,
  DrainingFrame,
  GapFrame,
  HeartbeatFrame,
  Joined,
  NoticeFrame,
  SystemFrame,
  TokenExpiringFrame,
  WelcomeFrame,
  WelcomeLimits,
} from "../../../protocol/frames.ts";
import { texts } from "../../../protocol/texts.ts";
import { flag, type JsonSchema, list, shape, text, time, whole } from "../../api/about/json-schema.ts";
import { channelName, epoch, gapReason, offset, userId } from "../../api/about/schemas.ts";

/** The documentation of a frame that the server sends. */
export interface ServerFrameAbout {
  readonly summary: string;
  readonly payload: JsonSchema;
  readonly example: unknown;
}

export const words = text("A text for people.");
export const top: JsonSchema = { ...offset, description: "The offset of the channel's last publication." };
export const sentAt = time("When it was sent.");

export const joined = {
  epoch,
  offset: top,
  from: whole("The offset of the first publication that follows."),
};
export const recovery = {
  recovered: flag("If the client sent a position: whether no message is missing between it and `from`."),
  reason: gapReason,
};

export const timestamp = "2026-11-20T10:30:25.123Z";

/** The system frames. */
export const systemFrames: Readonly<Record<SystemFrame["event"], ServerFrameAbout>> = {
  welcome: {
    summary: "Always the first frame. The channels from the URL are already subscribed.",
    payload: shape<WelcomeFrame>(
      {
        type: { const: "system" },
        event: { const: "welcome" },
        protocol: { const: 1 },
        connection_id: text("The id of this connection."),
        resume_key: text("Pass it as `takes_over` when reconnecting."),
        ping_interval_ms: whole("The server's ping interval."),
        limits: {
          description: "What the server accepts from one connection.",
          ...shape<WelcomeLimits>({
            max_message_bytes: whole("Bytes of one publication's `message`, `data` and `headers` together, in UTF-8."),
            message_rate: whole("Frames per second, with bursts of twice as many; 0: no limit."),
            max_channels: whole("Subscribed channels, not counting `all` and the user's own."),
          }),
        },
        timestamp: sentAt,
        channels: {
          type: "object",
          description: "The subscribed channels.",
          additionalProperties: shape<Joined>(joined, recovery),
        },
      },
      {
        message: words,
        user_id: userId,
        online: whole("Open connections."),
        warnings: list("Unknown parameters of the URL.", text("The parameter, and a suggestion.")),
      },
    ),
    example: {
      type: "system",
      event: "welcome",
      protocol: 1,
      message: texts.welcomeWithCount(1),
      connection_id: "c_8fK2nQ",
      resume_key: "rk_5tZ…",
      user_id: "alice",
      online: 1,
      ping_interval_ms: 30_000,
      limits: { max_message_bytes: 65_536, message_rate: 50, max_channels: 100 },
      timestamp,
      channels: { all: { epoch: "k3x9", offset: 17, from: 18 } },
    },
  },
  joined: {
    summary: "Other clients joined. After the first notice, further ones are combined and sent at most once a second.",
    payload: notice("joined"),
    example: { type: "system", event: "joined", message: texts.joined(2), online: 2, timestamp },
  },
  left: {
    summary: "Other clients left. Combined in the same way.",
    payload: notice("left"),
    example: { type: "system", event: "left", message: texts.left(1), online: 1, timestamp },
  },
  draining: {
    summary: "The server is shutting down. Reconnect after `reconnect_after_ms`.",
    payload: shape<DrainingFrame>({
      type: { const: "system" },
      event: { const: "draining" },
      message: words,
      deadline_ms: whole("Milliseconds until the server closes this connection."),
      reconnect_after_ms: whole("Milliseconds until this client should reconnect. It differs between clients."),
      successor: flag("Whether another worker or machine is available."),
      timestamp: sentAt,
    }),
    example: {
      type: "system",
      event: "draining",
      message: texts.draining(1_800_000),
      deadline_ms: 1_800_000,
      reconnect_after_ms: 4200,
      successor: true,
      timestamp,
    },
  },
  "token-expiring": {
    summary:
      "The token of this connection expires soon, usually in 30 s. Send `auth` with a new one; on an event stream, renew the cookie or reconnect.",
    payload: shape<TokenExpiringFrame>({
      type: { const: "system" },
      event: { const: "token-expiring" },
      message: words,
      expires_at: time("When the server closes this connection."),
      expires_in_ms: whole("Milliseconds until then."),
      timestamp: sentAt,
    }),
    example: {
      type: "system",
      event: "token-expiring",
      message: texts.tokenExpiring(30_000),
      expires_at: "2026-11-20T10:30:55.123Z",
      expires_in_ms: 30_000,
      timestamp,
    },
  },
  gap: {
    summary: "The messages with the offsets `from` to `to` (inclusive) are missing and will not be delivered.",
    payload: shape<GapFrame>({
      type: { const: "system" },
      event: { const: "gap" },
      channel: channelName,
      reason: gapReason,
      epoch,
      from: offset,
      to: offset,
      message: words,
    }),
    example: {
      type: "system",
      event: "gap",
      channel: "room:1",
      reason: "history-too-short",
      epoch: "k3x9",
      from: 18,
      to: 40,
      message: texts.gap(18, 40),
    },
  },
  closing: {
    summary:
      "Event streams only: the last event before the server ends the stream, with a close code as on a WebSocket.",
    payload: shape<ClosingFrame>(
      {
        type: { const: "system" },
        event: { const: "closing" },
        code: whole("One of the close codes."),
        reason: text("The reason, for people."),
      },
      { reconnect_after_ms: whole("Milliseconds until the client should reconnect; absent if it should not.") },
    ),
    example: {
      type: "system",
      event: "closing",
      code: 4010,
      reason: "the token expired",
      reconnect_after_ms: 2100,
    },
  },
  heartbeat: {
    summary: "Event streams only: sent regularly if the request has `heartbeat=`.",
    payload: shape<HeartbeatFrame>({ type: { const: "system" }, event: { const: "heartbeat" }, timestamp: sentAt }),
    example: { type: "system", event: "heartbeat", timestamp },
  },
};

function notice(event: NoticeFrame["event"]): JsonSchema {
  return shape<NoticeFrame>({
    type: { const: "system" },
    event: { const: event },
    message: words,
    online: whole("Connections that are open now."),
    timestamp: sentAt,
  });
}
