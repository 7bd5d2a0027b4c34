import type { ClientFrame } from "../../../protocol/frames.ts";
import { limits } from "../../../protocol/limits.ts";
import { sinceRule } from "../../../protocol/position.ts";
import { flag, type JsonSchema, object, text } from "../../api/about/json-schema.ts";
import {
  anyJson,
  channelName,
  eventName,
  headers,
  key,
  publicationId,
  ref,
  sender,
  userId,
} from "../../api/about/schemas.ts";
import type { ServerFrameName } from "./server-frames.ts";

/** One frame that a client may send. */
export interface ClientFrameAbout {
  readonly summary: string;
  readonly payload: JsonSchema;
  /** The first is for people to copy. */
  readonly examples: readonly unknown[];
  /** What comes back, beside an error. */
  readonly answers: readonly ServerFrameName[];
}

export type ClientFrameName = ClientFrame["type"] | "text";

const refSchema: JsonSchema = {
  type: ["string", "number"],
  maxLength: limits.refLength,
  description: "Comes back in the answer.",
};

const since: JsonSchema = {
  description: `From where to go on: ${sinceRule}.`,
  anyOf: [ref("Position"), { type: "string" }],
};

/** Every frame that a client may send: this does not compile when the protocol has another one. */
export const clientFrames: Readonly<Record<ClientFrameName, ClientFrameAbout>> = {
  text: {
    summary: "Any text whose first character is not `{`: said to `all`, so `Hello` just works.",
    payload: text("What is said.", { pattern: "^(?!\\s*\\{)" }),
    examples: ["Hello"],
    answers: [],
  },
  send_now: {
    summary: "This text alone makes everyone receive `IM sent`.",
    payload: { type: "string", const: "send_now" },
    examples: ["send_now"],
    answers: [],
  },
  message: {
    summary: "Say something to `all`.",
    payload: command("message", { message: text("What is said.") }, { sender }),
    examples: [{ type: "message", message: "Hi", sender: "Alice" }],
    answers: [],
  },
  publish: {
    summary: "Publish into a channel; the ack comes once it is stored.",
    payload: {
      ...command(
        "publish",
        { channel: channelName },
        {
          message: text("Text for people."),
          data: anyJson,
          event: eventName,
          id: publicationId,
          sender,
          key,
          headers,
          ephemeral: flag("Passed on to who is there now, and not stored: typing, cursors.", false),
          echo: flag("Whether the publisher gets its own copy; without it an `advance` comes instead.", true),
        },
      ),
      anyOf: [{ required: ["message"] }, { required: ["data"] }],
    },
    examples: [
      { type: "publish", ref: 1, channel: "room:1", message: "Dinner is ready", event: "call" },
      { type: "publish", ref: 2, channel: "room:1", data: { typing: true }, ephemeral: true, echo: false },
    ],
    answers: ["ack"],
  },
  subscribe: {
    summary: "Join a channel; what `since` asks for follows the answer, then what is live.",
    payload: command("subscribe", { channel: channelName }, { since }),
    examples: [
      { type: "subscribe", ref: 3, channel: "room:1", since: "last:10" },
      { type: "subscribe", ref: 4, channel: "room:2", since: { epoch: "k3x9", offset: 17 } },
    ],
    answers: ["subscribed"],
  },
  unsubscribe: {
    summary: "Leave a channel, `all` and one's own included; nothing of it follows the answer.",
    payload: command("unsubscribe", { channel: channelName }),
    examples: [{ type: "unsubscribe", ref: 5, channel: "room:1" }],
    answers: ["unsubscribed"],
  },
  history: {
    summary: "Read what was published in a channel, without joining it.",
    payload: command(
      "history",
      { channel: channelName },
      {
        since,
        limit: {
          type: "integer",
          minimum: 1,
          maximum: limits.historyLimit,
          default: limits.historyDefault,
          description: "How many at most.",
        },
      },
    ),
    examples: [{ type: "history", ref: 6, channel: "room:1", since: "earliest", limit: 50 }],
    answers: ["history"],
  },
  presence: {
    summary: "Ask who is in a channel now.",
    payload: command(
      "presence",
      { channel: channelName },
      { page: { ...userId, description: "The `next_page` of the answer before." } },
    ),
    examples: [{ type: "presence", ref: 7, channel: "room:1" }],
    answers: ["presence"],
  },
  auth: {
    summary: "Bring a new token for the same user before the old one expires.",
    payload: command("auth", { token: text("The token (JWT).") }),
    examples: [{ type: "auth", ref: 8, token: "eyJhbGciOiJIUzI1NiJ9.e30.…" }],
    answers: ["authenticated"],
  },
  ping: {
    summary: "Ask for a sign of life.",
    payload: command("ping", {}),
    examples: [{ type: "ping" }],
    answers: ["pong"],
  },
};

function command(
  type: string,
  required: Readonly<Record<string, JsonSchema>>,
  optional: Readonly<Record<string, JsonSchema>> = {},
): JsonSchema {
  return object({ type: { const: type }, ...required }, { ...optional, ref: refSchema });
}
