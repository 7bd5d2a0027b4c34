import { limits } from "../../../protocol/limits.ts";
import { texts } from "../../../protocol/texts.ts";
import { type About, json } from "./about.ts";
import { flag, type JsonSchema, list, object, text } from "./json-schema.ts";
import { anyJson, eventName, publicationId, userId } from "./schemas.ts";

/** The largest time that a Date can hold, in seconds. */
export const maxTimestampS = 8.64e12;

export const pushEvent: JsonSchema = object(
  { user_id: userId, data: anyJson },
  {
    event_type: { ...eventName, description: `Becomes \`event\`. ${eventName.description}` },
    event_id: { ...publicationId, description: "Becomes `id`: the same id for the same user is delivered once." },
    timestamp: {
      type: "number",
      minimum: 0,
      maximum: maxTimestampS,
      description: "The publisher's own time, unix seconds; becomes `sent_at`.",
    },
  },
);

const warnings = list(
  "Unknown fields and parameters, which were ignored; absent if there are none.",
  text("Which one."),
);

const example = {
  user_id: "alice",
  event_type: "order",
  data: { order: 42, state: "shipped" },
  event_id: "order-42-shipped",
  timestamp: 1795170625.5,
};

const details = `It reaches every connection of that user, on any worker or machine, and is kept for those who resume.
The answer comes after it is stored. \`success\` says that the user has a connection now, \`partial\` that it has none:
then it is stored, and a client that resumes gets it.`;

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
            status: text("Whether the user is connected now.", { enum: ["success", "partial"] }),
            message: text("The same in words."),
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
  errors: ["bad-json", "invalid-field", "too-large", "too-many-channels", "broker-unavailable", "idempotency-full"],
};

export const aboutPushBatch: About = {
  tag: "push",
  details: `At most ${limits.batchItems} items. One result per item, in order; a bad item stops no other, its result says what was wrong with it.`,
  request: json(list("Events, each for one user.", pushEvent, { maxItems: limits.batchItems }), {
    two: [example, { user_id: "bob", data: { order: 43 }, event_type: "order" }],
  }),
  answers: {
    200: {
      description: "One result per item, in order.",
      contents: json(
        object(
          {
            results: list(
              "In the order of the items.",
              object(
                {
                  user_id: { type: ["string", "null"], description: "As it came; null where it was no text." },
                  success: flag("The user has a connection now."),
                },
                { error: text("Why not, in words."), warnings },
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
