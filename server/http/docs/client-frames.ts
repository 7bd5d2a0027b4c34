import type { ClientFrame } from "../../../protocol/frames.ts";
import { limits } from "../../../protocol/limits.ts";
import { sinceRule } from "../../../protocol/position.ts";
import { flag, type JsonSchema, object, shortText, text } from "../../api/about/json-schema.ts";
import { anyJson, channelName, eventName, headers, key, publicationId, ref, sender } from "../../api/about/schemas.ts";
import type { ServerFrameName } from "./server-frames.ts";

/** One frame that a client may send. */
export interface ClientFrameAbout {
  readonly summary: string;
  readonly payload: JsonSchema;
  /** The first one should be useful to copy. */
  readonly examples: readonly unknown[];
  /** The responses other than an error. */
  readonly answers: readonly ServerFrameName[];
}

export type ClientFrameName = ClientFrame["type"] | "text";

const refSchema: JsonSchema = {
  type: ["string", "number"],
  maxLength: limits.refLength,
  description: "Repeated in the response.",
};

const since: JsonSchema = {
  description: `The position to resume from: ${sinceRule}.`,
  anyOf: [ref("Position"), { type: "string" }],
};

/** Every frame that a client can send. It does not compile if one of the protocol is missing. */
export const clientFrames: Readonly<Record<ClientFrameName, ClientFrameAbout>> = {
  text: {
    summary: "Any text whose first character is not `{` is published to `all`, so `Hello` just works.",
    payload: text("The message.", { pattern: "^(?!\\s*\\{)" }),
    examples: ["Hello"],
    answers: [],
  },
  send_now: {
    summary: "Makes the server send `IM sent` to everyone.",
    payload: { type: "string", const: "send_now" },
    examples: ["send_now"],
    answers: [],
  },
  message: {
    summary: "Publish a chat message to `all`.",
    payload: command("message", { message: text("The message.") }, { sender }),
    examples: [{ type: "message", message: "Hi", sender: "Alice" }],
    answers: [],
  },
  publish: {
    summary: "Publish to a channel. The server sends the ack once the publication is stored.",
    payload: {
      ...command(
        "publish",
        { channel: channelName },
        {
          message: text("The text of the message."),
          data: anyJson,
          event: eventName,
          id: publicationId,
          sender,
          key,
          headers,
          ephemeral: flag(
            "Deliver only to connected clients, without storing it; for typing indicators and the like.",
            false,
          ),
          echo: flag("Whether this connection receives the publication too; if not, it receives an `advance`.", true),
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
    summary: "Subscribe to a channel. The messages after `since` follow the response, then live messages.",
    payload: command("subscribe", { channel: channelName }, { since }),
    examples: [
      { type: "subscribe", ref: 3, channel: "room:1", since: "last:10" },
      { type: "subscribe", ref: 4, channel: "room:2", since: { epoch: "k3x9", offset: 17 } },
    ],
    answers: ["subscribed"],
  },
  unsubscribe: {
    summary: "Unsubscribe from a channel, including `all` and the user's own. No message of it follows the response.",
    payload: command("unsubscribe", { channel: channelName }),
    examples: [{ type: "unsubscribe", ref: 5, channel: "room:1" }],
    answers: ["unsubscribed"],
  },
  history: {
    summary: "Read the history of a channel without subscribing to it.",
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
          description: "The maximum number of messages.",
        },
      },
    ),
    examples: [{ type: "history", ref: 6, channel: "room:1", since: "earliest", limit: 50 }],
    answers: ["history"],
  },
  presence: {
    summary: "Get the connections and users in a channel.",
    payload: command(
      "presence",
      { channel: channelName },
      { page: shortText("The `next` of the previous response.", limits.pageLength) },
    ),
    examples: [{ type: "presence", ref: 7, channel: "room:1" }],
    answers: ["presence"],
  },
  auth: {
    summary: "Send a new token for the same user before the old one expires.",
    payload: command("auth", { token: text("The token (JWT).") }),
    examples: [{ type: "auth", ref: 8, token: "eyJhbGciOiJIUzI1NiJ9.e30.…" }],
    answers: ["authenticated"],
  },
  ping: {
    summary: "Check that the connection is alive.",
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
