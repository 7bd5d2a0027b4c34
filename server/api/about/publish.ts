import { limits } from "../../../protocol/limits.ts";
import { type About, json, type Parameter } from "./about.ts";
import { channelParameter } from "./channels.ts";
import { flag, type JsonSchema, list, object, shortText, text } from "./json-schema.ts";
import {
  anyJson,
  channelName,
  errorCode,
  eventName,
  headers,
  key,
  publicationId,
  ref,
  sender,
  userId,
} from "./schemas.ts";

const targets = { minItems: 1, maxItems: limits.publishTargets };

export const publishRequest: JsonSchema = {
  additionalProperties: false,
  ...object(
    {},
    {
      channel: channelName,
      channels: list("Several channels.", channelName, targets),
      user_id: userId,
      user_ids: list("Several users.", userId, targets),
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
      exclude_connection_id: shortText("A connection that does not receive it.", limits.idLength),
    },
  ),
  oneOf: [{ required: ["channel"] }, { required: ["channels"] }, { required: ["user_id"] }, { required: ["user_ids"] }],
  anyOf: [{ required: ["message"] }, { required: ["data"] }],
};

const idempotencyKey: Parameter = {
  name: "Idempotency-Key",
  in: "header",
  description: "The same as `id`: a request repeated within 5 minutes is stored once.",
  schema: publicationId,
};

const receipt = { channel: "room:1", id: "m-1", epoch: "q71m", offset: 18, duplicate: false };

const storing = ["too-large", "too-many-channels", "broker-unavailable", "idempotency-full"] as const;

export const aboutPublish: About = {
  tag: "publish",
  details: `Pass exactly one of \`channel\`, \`channels\`, \`user_id\` and \`user_ids\`, and \`message\`, \`data\` or both.

The server responds once the message is stored: with one receipt, or with \`results\`, which has one entry per channel or user in the order of the request. If one of them fails, its entry is the error and the others are not affected.`,
  parameters: [idempotencyKey],
  request: json(publishRequest, {
    channel: { channel: "room:1", message: "Dinner is ready", event: "call", sender: "kitchen" },
    users: { user_ids: ["alice", "bob"], data: { price: 42.5 } },
  }),
  answers: {
    200: {
      description: "Stored. One receipt, or one per channel or user.",
      contents: json(
        {
          anyOf: [
            ref("Receipt"),
            object({
              results: list("One per channel or user, in the order of the request.", {
                anyOf: [
                  ref("Receipt"),
                  object({
                    channel: channelName,
                    error: object({ code: errorCode, message: text("What was wrong, for people.") }),
                  }),
                ],
              }),
            }),
          ],
        },
        {
          one: receipt,
          several: {
            results: [
              { channel: "@alice", id: "m-2", epoch: "k3x9", offset: 4, duplicate: false, connected: true },
              { channel: "@bob", id: "m-2", epoch: "p0aa", offset: 1, duplicate: false, connected: false },
            ],
          },
        },
      ),
    },
  },
  errors: ["bad-json", "invalid-field", ...storing],
};

export const aboutPostMessage: About = {
  tag: "publish",
  details: `If the \`Content-Type\` is JSON, the body is published as \`data\`, otherwise as \`message\`, so \`curl -d 'hi'\` just works.`,
  parameters: [channelParameter, idempotencyKey],
  request: {
    "text/plain": { schema: text("The message.", { minLength: 1 }), examples: { text: "hi" } },
    "application/json": { schema: anyJson, examples: { data: { price: 42.5 } } },
  },
  answers: { 200: { description: "Stored.", contents: json(ref("Receipt"), { one: receipt }) } },
  errors: ["bad-json", "bad-request", "invalid-field", ...storing],
};
