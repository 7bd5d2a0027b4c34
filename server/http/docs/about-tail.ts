import type { About } from "../../api/about/about.ts";
import { object, text, time, whole } from "../../api/about/json-schema.ts";
import { channelName, errorCode, offset, publicationId, userId } from "../../api/about/schemas.ts";
import { tailEventKinds, tailEventTable } from "../../trace/tail-event.ts";

const kinds = Object.entries(tailEventTable).map(([name, meaning]) => `\`${name}\`: ${meaning}`);

const event = object(
  {
    at: time("When it happened."),
    kind: text("What happened.", { enum: tailEventKinds }),
    worker: text("The name of the worker in which it happened."),
  },
  {
    channel: channelName,
    user_id: userId,
    connection_id: text("The `connection_id` from its welcome frame."),
    remote: text("The client's address."),
    id: publicationId,
    offset,
    bytes: whole("Bytes of the publication's message, data and headers."),
    action: text("What was refused: `connect`, `subscribe`, or a request such as `POST /v1/publish`."),
    code: errorCode,
    reason: text("Why it was refused, or why a connection ended."),
  },
);

export const aboutTail: About = {
  tag: "tracing",
  details: `An event stream: each \`data:\` is one event, from all workers and machines, without the content of publications. It begins with what happens after the request and cannot be resumed.

A tail never slows down delivery: each worker passes on at most 500 events per 200 ms. Events that are dropped for this reason, or because the client reads too slowly, are counted in an event of type \`dropped\`: \`{"count": 120}\`. A worker serves at most 16 tails.

${kinds.join("\n\n")}`,
  parameters: [
    {
      name: "channel",
      in: "query",
      description: "Only this channel, or all with a prefix: `room:*`.",
      schema: { type: "string" },
      example: "room:*",
    },
    {
      name: "user",
      in: "query",
      description: "Only what this user does, and what is published to it.",
      schema: { type: "string" },
      example: "alice",
    },
    {
      name: "kind",
      in: "query",
      description: "Only these kinds, separated by commas.",
      schema: { type: "string" },
      example: "published,refused",
    },
  ],
  answers: {
    200: {
      description: "The stream.",
      contents: {
        "text/event-stream": {
          schema: event,
          examples: {
            published: {
              at: "2026-11-20T10:30:25.123Z",
              kind: "published",
              worker: "worker 1",
              channel: "room:1",
              id: "m7",
              offset: 7,
              bytes: 12,
            },
          },
        },
      },
    },
  },
  errors: ["bad-request", "rate-limited"],
};
