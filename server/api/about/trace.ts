import { closeTable } from "../../../protocol/close-codes.ts";
import { verdictTable } from "../../trace/verdict.ts";
import { type About, json } from "./about.ts";
import { flag, list, object, text, time, whole } from "./json-schema.ts";
import { channelName, epoch, errorCode, gapReason, offset, publicationId, userId } from "./schemas.ts";

const verdicts = Object.entries(verdictTable).map(([name, meaning]) => `\`${name}\`: ${meaning}`);

const event = object(
  { at: time("When it happened."), kind: text("What happened.", { enum: ["left", "refused", "gap"] }) },
  {
    by: text("Whether the client ended the subscription, or a new token.", { enum: ["client", "token"] }),
    code: errorCode,
    reason: { description: "Why it was refused, or the reason of the gap.", anyOf: [{ type: "string" }, gapReason] },
    epoch,
    after: whole("The offset after which it began."),
    cursor: whole("The last offset that it was sent."),
    from: offset,
    to: offset,
  },
);

const connection = object(
  {
    connection_id: text("The `connection_id` from its welcome frame."),
    worker: text("The name of the worker that has it."),
    remote: text("The client's address, as the server sees it."),
    is_open: flag("Whether it is open now."),
    connected_at: time("When it was opened."),
    buffered_bytes: whole("Bytes that are buffered in the server because the client reads too slowly."),
    events: list("Its last 16 events in the channel, oldest first.", event),
    rule: object(
      { subscribe: text("Who may subscribe.", { enum: ["anyone", "authenticated", "token", "nobody", "hook"] }) },
      {
        match: text("The pattern of the channel rule; absent for the default."),
        refuses: text("Why it would refuse this connection now."),
      },
    ),
  },
  {
    user_id: userId,
    ended_at: time("When it ended."),
    closed: text("Why the server closed it; absent if the client closed it or the network broke.", {
      enum: Object.keys(closeTable),
    }),
    verdict: text("Whether the publication arrived, and why not. The list above explains each verdict.", {
      enum: Object.keys(verdictTable),
    }),
    sentence: text("The same for people."),
    joined_at: time("When it joined the channel."),
    after: whole("The offset after which it began to receive."),
    offset: whole("The last offset that it was sent."),
    flushed: whole("The last offset that this worker sent to connections that keep up."),
    head: whole("The last offset that this worker has."),
    recovered: flag(
      "Whether it continued from a position with nothing missing; absent if it began with live messages.",
    ),
  },
);

const publication = object(
  { epoch, offset },
  {
    id: publicationId,
    timestamp: time("When it was stored."),
    excluded_connection_id: text("The connection that its publisher excluded."),
  },
);

const refusal = object(
  {
    at: time("When it was refused."),
    worker: text("The worker that refused it."),
    action: text("The refused action: `connect`, `publish`, or a request such as `POST /v1/publish`."),
    code: errorCode,
    reason: text("Why."),
    remote: text("The client's address."),
  },
  { user_id: userId, id: publicationId },
);

const example = {
  channel: "room:1",
  user_id: "alice",
  publication: { id: "m7", timestamp: "2026-11-20T10:30:25.123Z", epoch: "k3x9", offset: 7 },
  summary:
    "m7 is offset 7 of room:1, published at 2026-11-20T10:30:25.123Z. It was sent to 0 of 1 connection of alice.",
  connections: [
    {
      connection_id: "c_8fK2nQ",
      user_id: "alice",
      worker: "worker 2",
      remote: "127.0.0.1:52341",
      is_open: true,
      connected_at: "2026-11-20T10:29:58.120Z",
      verdict: "refused",
      sentence:
        'c_8fK2nQ of alice subscribed to room:1 at 2026-11-20T10:29:58Z and was refused (forbidden): not allowed to subscribe to "room:1": the token needs "subscribe":["room:1"], or a channel rule must allow it.',
      buffered_bytes: 0,
      events: [
        {
          at: "2026-11-20T10:29:58.131Z",
          kind: "refused",
          code: "forbidden",
          reason: 'not allowed to subscribe to "room:1"',
        },
      ],
      rule: { subscribe: "token" },
    },
  ],
  refusals: [],
  more: 0,
  complete: true,
};

export const aboutTrace: About = {
  tag: "tracing",
  details: `Answers "Why did it not arrive?". The server knows up to which message it has sent each channel to each connection. For a while it also remembers ended connections, channels they left, refusals and gaps. All workers and machines are asked.

Without \`id\` and \`offset\` it is about the latest publication. An \`id\` is looked for in the last 1000 publications of the history.

${verdicts.join("\n\n")}`,
  parameters: [
    { name: "user", in: "query", description: "The user.", schema: { type: "string" }, example: "alice" },
    {
      name: "connection",
      in: "query",
      description: "Only this connection. `user` or `connection` is required.",
      schema: { type: "string" },
    },
    {
      name: "channel",
      in: "query",
      description: "The channel. Default: the user's own, `@` and the user; without a user, `all`.",
      schema: channelName,
      example: "room:1",
    },
    { name: "id", in: "query", description: "The id of the publication.", schema: publicationId, example: "m7" },
    {
      name: "offset",
      in: "query",
      description: "Its offset, instead of the id.",
      schema: { type: "string", pattern: "^[1-9][0-9]{0,14}$" },
    },
  ],
  answers: {
    200: {
      description: "Whether the publication arrived, one entry per connection.",
      contents: json(
        object(
          {
            channel: channelName,
            publication: { description: "Null if it was not found.", anyOf: [publication, { type: "null" }] },
            summary: text("One or two sentences for people."),
            connections: list("Open connections, then those that ended recently; at most 100 per worker.", connection),
            refusals: list("Refused connections of the user, and the refused publication with this id.", refusal),
            more: whole("Connections that are not listed."),
            complete: flag("Whether all workers have answered."),
          },
          { user_id: userId },
        ),
        { refused: example },
      ),
    },
  },
  errors: ["bad-request", "rate-limited", "broker-unavailable"],
};
