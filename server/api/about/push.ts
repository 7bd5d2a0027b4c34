import { limits } from "../../../protocol/limits.ts";
import { texts } from "../../../protocol/texts.ts";
import { type About, json } from "./about.ts";
import { flag, type JsonSchema, list, object, text } from "./json-schema.ts";
import { anyJson, eventName, publicationId, userId } from "./schemas.ts";

/** The end of the year 9999, in seconds. A later time is probably in milliseconds, and not every reader knows its ISO text. */
export const maxTimestampS = 253_402_300_799;

export const pushEvent: JsonSchema = object(
  { user_id: userId, data: anyJson },
  {
    event_type: { ...eventName, description: `Becomes \`event\`. ${eventName.description}` },
    event_id: { ...publicationId, description: "Becomes `id`. The same id for the same user is delivered once." },
    timestamp: {
      type: "number",
      minimum: 0,
      maximum: maxTimestampS,
      description: "The publisher's time in unix seconds. Becomes `sent_at`.",
    },
  },
);

const warnings = list(
  "Unknown fields and parameters that were ignored; absent if there are none.",
  text("The unknown field or parameter."),
);

const example = {
  user_id: "alice",
  event_type: "order",
  data: { order: 42, state: "shipped" },
  event_id: "order-42-shipped",
  timestamp: 1795170625.5,
};

const details = `The event is stored, and delivered to all connections of the user on any worker or machine.
The server responds once it is stored. \`success\` means that the user is connected. \`partial\` means that the user is
not connected: a client that resumes later receives the event.`;

export const aboutPush: About = {
  tag: "push",
  details,
  request: json(pushEvent, { order: example, least: { user_id: "alice", data: "Hello" } }),
  answers: {
    200: {
      description: "Stored.",
      contents: json(
        object(
          {
            status: text("Whether the user is connected.", { enum: ["success", "partial"] }),
            message: text("The status, for people."),
          },
          { warnings },
        ),
        {
          connected: { status: "success", message: texts.pushed },
          away: { status: "partial", message: texts.pushedPartial },
        },
      ),
    },
  },
  errors: [
    "bad-json",
    "invalid-field",
    "too-large",
    "too-many-channels",
    "broker-unavailable",
    "idempotency-full",
    "overloaded",
  ],
};

export const aboutPushBatch: About = {
  tag: "push",
  details: `At most ${limits.batchItems} items. The response has one result per item, in the same order. An invalid item does not affect the others; its result says what was wrong.`,
  request: json(list("Events, each for one user.", pushEvent, { maxItems: limits.batchItems }), {
    two: [example, { user_id: "bob", data: { order: 43 }, event_type: "order" }],
  }),
  answers: {
    200: {
      description: "One result per item.",
      contents: json(
        object(
          {
            results: list(
              "One result per item, in the same order.",
              object(
                {
                  user_id: {
                    type: ["string", "null"],
                    description: "As given in the item; null if it was not a string.",
                  },
                  success: flag("Whether it was stored and the user is connected."),
                },
                { error: text("Why `success` is false, for people."), warnings },
              ),
            ),
          },
          { warnings },
        ),
        {
          mixed: {
            results: [
              { user_id: "alice", success: true },
              { user_id: "bob", success: false, error: texts.pushedPartial },
            ],
          },
        },
      ),
    },
  },
  errors: ["bad-json", "invalid-field"],
};
