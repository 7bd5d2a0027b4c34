import type {
  AckFrame,
  AdvanceFrame,
  AnswerFrame,
  AnswerLabels,
  ErrorFrame,
  HistoryFrame,
  PresenceEventFrame,
  PresenceFrame,
  PresenceResetFrame,
  ServerFrame,
  SystemFrame,
} from "../../../protocol/frames.ts";
import { limits } from "../../../protocol/limits.ts";
import { flag, type JsonSchema, list, shape, text, time, whole } from "../../api/about/json-schema.ts";
import {
  channelName,
  epoch,
  errorCode,
  gapReason,
  memberId,
  offset,
  presenceExample,
  presencePage,
  publicationId,
  ref,
  userId,
  userInfo,
} from "../../api/about/schemas.ts";
import {
  joined,
  recovery,
  type ServerFrameAbout,
  sentAt,
  systemFrames,
  timestamp,
  top,
  words,
} from "./system-frames.ts";

/** System frames are named by their event, the others by their type; those of presence are of three kinds. */
export type ServerFrameName =
  | Exclude<ServerFrame["type"], "system">
  | SystemFrame["event"]
  | "presence_event"
  | "presence_reset";

type Answer<Frame> = Frame & AnswerLabels;
type Plain<Type> = Answer<Extract<AnswerFrame, { type: Type }>>;

const refSchema: JsonSchema = {
  type: ["string", "number"],
  description: "The `ref` of the command that this is the response to.",
};

const answerLabels = {
  ref: refSchema,
  warnings: list("Unknown fields of the command.", text("The field, and a suggestion.")),
};

/** Every frame that the server sends. It does not compile if a frame or a member of the protocol is missing. */
export const serverFrames: Readonly<Record<ServerFrameName, ServerFrameAbout>> = {
  ...systemFrames,
  message: {
    summary:
      "A publication. A connection receives those of a channel in the order of their offsets, each at most once.",
    payload: ref("Message"),
    example: { type: "message", channel: "all", offset: 17, id: "m-17", timestamp, message: "Hello", sender: "Alice" },
  },
  advance: {
    summary: "This connection skips the publications up to `offset`, such as its own with `echo: false`.",
    payload: shape<AdvanceFrame>({ type: { const: "advance" }, channel: channelName, offset }),
    example: { type: "advance", channel: "all", offset: 18 },
  },
  ack: {
    summary: "The publication is stored. An ephemeral one has no position.",
    payload: shape<Answer<AckFrame>>(
      {
        type: { const: "ack" },
        channel: channelName,
        id: publicationId,
        duplicate: flag("Whether the id was stored before; the position is that of the first one."),
      },
      { epoch, offset, ...answerLabels },
    ),
    example: { type: "ack", channel: "room:1", id: "m-18", epoch: "q71m", offset: 18, duplicate: false, ref: 1 },
  },
  subscribed: {
    summary: "The subscription is active. The messages after `since` follow.",
    payload: shape<Plain<"subscribed">>(
      { type: { const: "subscribed" }, channel: channelName, ...joined },
      { ...recovery, ...answerLabels },
    ),
    example: { type: "subscribed", channel: "room:1", epoch: "q71m", offset: 20, from: 18, recovered: true, ref: 4 },
  },
  unsubscribed: {
    summary: "The subscription has ended.",
    payload: shape<Plain<"unsubscribed">>(
      { type: { const: "unsubscribed" }, channel: channelName },
      { ...answerLabels },
    ),
    example: { type: "unsubscribed", channel: "room:1", ref: 5 },
  },
  history: {
    summary: "Messages from the history of a channel.",
    payload: shape<Answer<HistoryFrame>>(
      {
        type: { const: "history" },
        channel: channelName,
        epoch,
        offset: top,
        messages: list("Oldest first.", ref("Message"), { maxItems: limits.historyLimit }),
        complete: flag(
          "Whether no message is missing between `since` and the first one returned. The page may end before `offset`: read on from its last message.",
        ),
      },
      { reason: gapReason, ...answerLabels },
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
    summary: "The connections and users in a channel.",
    payload: shape<Answer<PresenceFrame>>(
      {
        type: { const: "presence" },
        channel: channelName,
        count: whole("Connections in the channel."),
      },
      {
        ...presencePage,
        ...answerLabels,
      },
    ),
    example: { type: "presence", ...presenceExample, ref: 7 },
  },
  presence_event: {
    summary:
      "A client joined or left a channel with `presence_events: on`. Together with an answer to `presence`, whose `epoch` is the same, the events with a higher `position` are who is in the channel now.",
    payload: shape<PresenceEventFrame>(
      {
        type: { const: "presence" },
        event: text("What happened.", { enum: ["joined", "left"] }),
        channel: channelName,
        epoch: text("The epoch of the positions. A new one means that the presence must be requested again."),
        position: whole("Grows by exactly 1 with each presence event of the channel."),
        connection_id: memberId,
        count: whole("Connections in the channel after it."),
        timestamp: time("When it happened."),
      },
      { user_id: userId, info: userInfo },
    ),
    example: {
      type: "presence",
      event: "joined",
      channel: "room:1",
      epoch: "mB4xkQ2vT9sA",
      position: 42,
      connection_id: "c_Kx2pY7dNnE6oJ4wS",
      user_id: "carol",
      info: { name: "Carol" },
      count: 4,
      timestamp,
    },
  },
  presence_reset: {
    summary: "Presence events of the channel may have been missed: request the presence again.",
    payload: shape<PresenceResetFrame>({
      type: { const: "presence" },
      event: { const: "reset" },
      channel: channelName,
      timestamp: sentAt,
    }),
    example: { type: "presence", event: "reset", channel: "room:1", timestamp },
  },
  authenticated: {
    summary: "The new token is accepted.",
    payload: shape<Plain<"authenticated">>(
      {
        type: { const: "authenticated" },
        expires_at: {
          type: ["string", "null"],
          format: "date-time",
          description: "When the token expires; null: never.",
        },
      },
      { ...answerLabels },
    ),
    example: { type: "authenticated", expires_at: timestamp, ref: 8 },
  },
  pong: {
    summary: "The response to `ping`.",
    payload: shape<Plain<"pong">>({ type: { const: "pong" } }, { ...answerLabels }),
    example: { type: "pong" },
  },
  error: {
    summary: "A command failed. The connection stays open.",
    payload: shape<Answer<ErrorFrame>>(
      { type: { const: "error" }, code: errorCode, message: words },
      {
        field: text("The field that broke its rule."),
        channel: { ...channelName, description: "Event streams only: the channel from the URL that is not allowed." },
        retry_after_ms: whole(
          "Present if and only if the same command may succeed later: how long to wait, in milliseconds. 0: not known.",
        ),
        ...answerLabels,
      },
    ),
    example: {
      type: "error",
      code: "rate-limited",
      message: "at most 50 messages per second from one user",
      retry_after_ms: 800,
      ref: 7,
    },
  },
};

/** The frame's name in the table; undefined for an unknown frame. */
export function nameOfFrame(frame: Readonly<Record<string, unknown>>): string | undefined {
  if (frame.type === "presence" && frame.event !== undefined) {
    return frame.event === "reset" ? "presence_reset" : "presence_event";
  }
  const name = frame.type === "system" ? frame.event : frame.type;
  return typeof name === "string" && Object.hasOwn(serverFrames, name) ? name : undefined;
}
