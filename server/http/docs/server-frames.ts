import type {
  AckFrame,
  AdvanceFrame,
  AnswerFrame,
  ClosingFrame,
  DrainingFrame,
  ErrorFrame,
  GapFrame,
  HeartbeatFrame,
  HistoryFrame,
  Joined,
  NoticeFrame,
  PresenceFrame,
  Ref,
  ServerFrame,
  SystemFrame,
  WelcomeFrame,
  WelcomeLimits,
} from "../../../protocol/frames.ts";
import { limits } from "../../../protocol/limits.ts";
import { texts } from "../../../protocol/texts.ts";
import { flag, type JsonSchema, list, shape, text, time, whole } from "../../api/about/json-schema.ts";
import {
  channelName,
  epoch,
  errorCode,
  gapReason,
  offset,
  publicationId,
  ref,
  userId,
} from "../../api/about/schemas.ts";

/** One frame that the server may send. */
export interface ServerFrameAbout {
  readonly summary: string;
  readonly payload: JsonSchema;
  readonly example: unknown;
}

/** System frames go by their event, the others by their type. */
export type ServerFrameName = Exclude<ServerFrame["type"], "system"> | SystemFrame["event"];

type Answer<Frame> = Frame & { readonly ref?: Ref };
type Plain<Type> = Answer<Extract<AnswerFrame, { type: Type }>>;

const refSchema: JsonSchema = {
  type: ["string", "number"],
  description: "As it stood in the command that this answers.",
};
const words = text("The same for people.");
const top: JsonSchema = { ...offset, description: "The channel's top." };
const sentAt = time("When it was sent.");

const joined = {
  epoch,
  offset: top,
  from: whole("The offset of the first publication that follows."),
};
const recovery = {
  recovered: flag("Where a position was asked for: nothing is missing between it and `from`."),
  reason: gapReason,
};

const timestamp = "2026-11-20T10:30:25.123Z";

/** Every frame that the server sends: this does not compile when the protocol has another one, or another member. */
export const serverFrames: Readonly<Record<ServerFrameName, ServerFrameAbout>> = {
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
      { message: words, user_id: userId, online: whole("Connections that are open now.") },
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
  message: {
    summary: "A publication. Each connection sees those of a channel in the order of their offsets, each at most once.",
    payload: ref("Message"),
    example: { type: "message", channel: "all", offset: 17, id: "m-17", timestamp, message: "Hello", sender: "Alice" },
  },
  advance: {
    summary: "This connection was left out of what lies up to `offset`, such as its own message with `echo: false`.",
    payload: shape<AdvanceFrame>({ type: { const: "advance" }, channel: channelName, offset }),
    example: { type: "advance", channel: "all", offset: 18 },
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
  ack: {
    summary: "The publication is stored; an ephemeral one has no position.",
    payload: shape<Answer<AckFrame>>(
      {
        type: { const: "ack" },
        channel: channelName,
        id: publicationId,
        duplicate: flag("It was stored before; the position is that one's."),
      },
      { epoch, offset, ref: refSchema },
    ),
    example: { type: "ack", channel: "room:1", id: "m-18", epoch: "q71m", offset: 18, duplicate: false, ref: 1 },
  },
  subscribed: {
    summary: "In the channel; what `since` asked for follows.",
    payload: shape<Plain<"subscribed">>(
      { type: { const: "subscribed" }, channel: channelName, ...joined },
      { ...recovery, ref: refSchema },
    ),
    example: { type: "subscribed", channel: "room:1", epoch: "q71m", offset: 20, from: 18, recovered: true, ref: 4 },
  },
  unsubscribed: {
    summary: "Not in the channel any more.",
    payload: shape<Plain<"unsubscribed">>(
      { type: { const: "unsubscribed" }, channel: channelName },
      { ref: refSchema },
    ),
    example: { type: "unsubscribed", channel: "room:1", ref: 5 },
  },
  history: {
    summary: "What was published.",
    payload: shape<Answer<HistoryFrame>>(
      {
        type: { const: "history" },
        channel: channelName,
        epoch,
        offset: top,
        messages: list("Oldest first.", ref("Message"), { maxItems: limits.historyLimit }),
        complete: flag("Nothing is missing between what was asked for and the first message."),
      },
      { reason: gapReason, ref: refSchema },
    ),
    example: {
      type: "history",
      channel: "room:1",
      epoch: "q71m",
      offset: 1,
      messages: [{ type: "message", channel: "room:1", offset: 1, id: "m-1", timestamp, message: "hi" }],
      complete: true,
      ref: 6,
    },
  },
  presence: {
    summary: "Who is in a channel.",
    payload: shape<Answer<PresenceFrame>>(
      {
        type: { const: "presence" },
        channel: channelName,
        count: whole("Connections in the channel."),
        users: list("Users among them, sorted.", userId),
      },
      { ref: refSchema },
    ),
    example: { type: "presence", channel: "room:1", count: 3, users: ["alice", "bob"], ref: 7 },
  },
  authenticated: {
    summary: "The new token is taken.",
    payload: shape<Plain<"authenticated">>(
      {
        type: { const: "authenticated" },
        expires_at: { type: ["string", "null"], format: "date-time", description: "When it expires; null: never." },
      },
      { ref: refSchema },
    ),
    example: { type: "authenticated", expires_at: timestamp, ref: 8 },
  },
  pong: {
    summary: "The sign of life.",
    payload: shape<Plain<"pong">>({ type: { const: "pong" } }, { ref: refSchema }),
    example: { type: "pong" },
  },
  error: {
    summary: "A command was refused; the connection goes on.",
    payload: shape<Answer<ErrorFrame>>(
      { type: { const: "error" }, code: errorCode, message: words },
      {
        field: text("The field that broke its rule."),
        channel: { ...channelName, description: "Event streams only: the channel of the URL that was refused." },
        retry_after_ms: whole("When to try again, milliseconds from now."),
        ref: refSchema,
      },
    ),
    example: {
      type: "error",
      code: "rate-limited",
      message: "at most 50 messages a second",
      retry_after_ms: 800,
      ref: 7,
    },
  },
};

/** The frame's name in the table; undefined for what is no frame of ours. */
export function nameOfFrame(frame: Readonly<Record<string, unknown>>): string | undefined {
  const name = frame.type === "system" ? frame.event : frame.type;
  return typeof name === "string" && Object.hasOwn(serverFrames, name) ? name : undefined;
}

function notice(event: NoticeFrame["event"]): JsonSchema {
  return shape<NoticeFrame>({
    type: { const: "system" },
    event: { const: event },
    message: words,
    online: whole("Connections that are open now."),
    timestamp: sentAt,
  });
}
