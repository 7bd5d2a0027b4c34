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
import { atField, delayField } from "./time-fields.ts";

const targets = { minItems: 1, maxItems: limits.publishTargets, uniqueItems: true } as const;

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
      at: atField,
      delay_s: delayField,
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

const storing = ["too-large", "too-many-channels", "broker-unavailable", "idempotency-full", "overloaded"] as const;

/** A schedule that publishes once. */
const onceExample = {
  id: "s_8fK2nQ",
  revision: 1,
  state: "active",
  origin: "api",
  durable: true,
  delay_s: 600,
  catch_up: "last",
  catch_up_window_s: 3600,
  next: ["2026-11-20T10:40:25.123Z"],
  last: null,
  runs: 0,
  created_at: "2026-11-20T10:30:25.123Z",
  updated_at: "2026-11-20T10:30:25.123Z",
  duplicate: false,
  publish: { channel: "room:1", message: "Dinner is ready" },
};

export const aboutPublish: About = {
  tag: "publish",
  details: `Pass exactly one of \`channel\`, \`channels\`, \`user_id\` and \`user_ids\`, and \`message\`, \`data\` or both.

The server responds once the message is stored: with one receipt, or with \`results\`, which has one entry per channel or user in the order of the request. If one of them fails, its entry is the error and the others are not affected.

With \`at\` or \`delay_s\` the message is published later, and the server responds with the schedule (202). That takes an API key. A request repeated with the same \`id\` makes one schedule: the response is the first one's, with \`"duplicate": true\`.`,
  parameters: [idempotencyKey],
  request: json(publishRequest, {
    channel: { channel: "room:1", message: "Dinner is ready", event: "call", sender: "kitchen" },
    users: { user_ids: ["alice", "bob"], data: { price: 42.5 } },
    later: { channel: "room:1", message: "Dinner is ready", delay_s: 600 },
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
    202: { description: "Scheduled.", contents: json(ref("Scheduled"), { schedule: onceExample }) },
  },
  errors: ["bad-json", "invalid-field", "too-many-schedules", ...storing],
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
