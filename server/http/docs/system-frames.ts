import type {
  ClosingFrame,
  DrainingFrame,
  GapFrame,
  HeartbeatFrame,
  Joined,
  NoticeFrame,
  SystemFrame,
  WelcomeFrame,
  WelcomeLimits,
} from "../../../protocol/frames.ts";
import { texts } from "../../../protocol/texts.ts";
import { flag, type JsonSchema, list, shape, text, time, whole } from "../../api/about/json-schema.ts";
import { channelName, epoch, gapReason, offset, userId } from "../../api/about/schemas.ts";

/** One frame that the server may send. */
export interface ServerFrameAbout {
  readonly summary: string;
  readonly payload: JsonSchema;
  readonly example: unknown;
}

export const words = text("The same for people.");
export const top: JsonSchema = { ...offset, description: "The channel's top." };
export const sentAt = time("When it was sent.");

export const joined = {
  epoch,
  offset: top,
  from: whole("The offset of the first publication that follows."),
};
export const recovery = {
  recovered: flag("Where a position was asked for: nothing is missing between it and `from`."),
  reason: gapReason,
};

export const timestamp = "2026-11-20T10:30:25.123Z";

/** What the server tells of itself and of the connection. */
export const systemFrames: Readonly<Record<SystemFrame["event"], ServerFrameAbout>> = {
  welcome: {
    summary: "The first frame, always. Channels asked for in the URL are joined already.",
    payload: shape<WelcomeFrame>(
      {
        type: { const: "system" },
        event: { const: "welcome" },
        protocol: { const: 1 },
        connection_id: text("This connection."),
        resume_key: text("For `takes_over` of the next connection."),
        ping_interval_ms: whole("How often the server pings."),
        limits: {
          description: "What the server accepts from one connection.",
          ...shape<WelcomeLimits>({
            max_message_bytes: whole("Bytes of one publication's `message`, `data` and `headers` together, in UTF-8."),
            message_rate: whole("Frames per second, twice as many at once; 0: no limit."),
            max_channels: whole("Channels, `all` and the user's own not counted."),
          }),
        },
        timestamp: sentAt,
        channels: {
          type: "object",
          description: "What this connection is in.",
          additionalProperties: shape<Joined>(joined, recovery),
        },
      },
      {
        message: words,
        user_id: userId,
        online: whole("Connections that are open now."),
        warnings: list("Parameters of the URL that the server does not know.", text("Which, and what may be meant.")),
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
    summary: "Others came. Gathered: the first notice at once, further ones at most once a second.",
    payload: notice("joined"),
    example: { type: "system", event: "joined", message: texts.joined(2), online: 2, timestamp },
  },
  left: {
    summary: "Others left; gathered in the same way.",
    payload: notice("left"),
    example: { type: "system", event: "left", message: texts.left(1), online: 1, timestamp },
  },
  draining: {
    summary: "The server is stopping: come back after `reconnect_after_ms`.",
    payload: shape<DrainingFrame>({
      type: { const: "system" },
      event: { const: "draining" },
      message: words,
      deadline_ms: whole("How long until the server closes this connection by itself."),
      reconnect_after_ms: whole("This connection's own moment to come back."),
      successor: flag("There is another worker or machine to go to."),
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
  gap: {
    summary: "What lies from `from` to `to`, both included, will not come.",
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
      "Event streams only: the last event before the server ends the stream, with the close code of a WebSocket.",
    payload: shape<ClosingFrame>(
      {
        type: { const: "system" },
        event: { const: "closing" },
        code: whole("One of the close codes."),
        reason: text("The same for people."),
      },
      { reconnect_after_ms: whole("When to reconnect; absent where a client should not.") },
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
    summary: "Event streams only: the sign of life that `heartbeat=` of the request asks for.",
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
