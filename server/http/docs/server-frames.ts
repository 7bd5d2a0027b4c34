import type {
  AckFrame,
  AdvanceFrame,
  AnswerFrame,
  AnswerLabels,
  ErrorFrame,
  HistoryFrame,
  PresenceFrame,
  ServerFrame,
  SystemFrame,
} from "../../../protocol/frames.ts";
import { limits } from "../../../protocol/limits.ts";
import { flag, type JsonSchema, list, shape, text, whole } from "../../api/about/json-schema.ts";
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
import { joined, recovery, type ServerFrameAbout, systemFrames, timestamp, top, words } from "./system-frames.ts";

/** System frames go by their event, the others by their type. */
export type ServerFrameName = Exclude<ServerFrame["type"], "system"> | SystemFrame["event"];

type Answer<Frame> = Frame & AnswerLabels;
type Plain<Type> = Answer<Extract<AnswerFrame, { type: Type }>>;

const refSchema: JsonSchema = {
  type: ["string", "number"],
  description: "As it stood in the command that this answers.",
};

const answerLabels = {
  ref: refSchema,
  warnings: list("Fields of the command that the server does not know.", text("Which, and what may have been meant.")),
};

/** Every frame that the server sends: this does not compile when the protocol has another one, or another member. */
export const serverFrames: Readonly<Record<ServerFrameName, ServerFrameAbout>> = {
  ...systemFrames,
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
  ack: {
    summary: "The publication is stored; an ephemeral one has no position.",
    payload: shape<Answer<AckFrame>>(
      {
        type: { const: "ack" },
        channel: channelName,
        id: publicationId,
        duplicate: flag("It was stored before; the position is that one's."),
      },
      { epoch, offset, ...answerLabels },
    ),
    example: { type: "ack", channel: "room:1", id: "m-18", epoch: "q71m", offset: 18, duplicate: false, ref: 1 },
  },
  subscribed: {
    summary: "In the channel; what `since` asked for follows.",
    payload: shape<Plain<"subscribed">>(
      { type: { const: "subscribed" }, channel: channelName, ...joined },
      { ...recovery, ...answerLabels },
    ),
    example: { type: "subscribed", channel: "room:1", epoch: "q71m", offset: 20, from: 18, recovered: true, ref: 4 },
  },
  unsubscribed: {
    summary: "Not in the channel any more.",
    payload: shape<Plain<"unsubscribed">>(
      { type: { const: "unsubscribed" }, channel: channelName },
      { ...answerLabels },
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
    summary: "Who is in a channel.",
    payload: shape<Answer<PresenceFrame>>(
      {
        type: { const: "presence" },
        channel: channelName,
        count: whole("Connections in the channel."),
      },
      {
        users: list("A page of the users among them, sorted; left out where only the count may be known.", userId),
        next_page: text("To be sent as `page` for the next users; left out on the last page."),
        ...answerLabels,
      },
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
      { ...answerLabels },
    ),
    example: { type: "authenticated", expires_at: timestamp, ref: 8 },
  },
  pong: {
    summary: "The sign of life.",
    payload: shape<Plain<"pong">>({ type: { const: "pong" } }, { ...answerLabels }),
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
        ...answerLabels,
      },
    ),
    example: {
      type: "error",
      code: "rate-limited",
      message: "at most 50 messages per second",
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
