import type { ErrorCode } from "../../../protocol/errors.ts";
import { limits } from "../../../protocol/limits.ts";
import { sinceWords } from "../../../protocol/position.ts";
import type { About, Operation, Parameter } from "../../api/about/about.ts";
import { channelName, userId } from "../../api/about/schemas.ts";

/** The parameters of a handshake, for both transports. */
export const arrivalParameters: readonly Parameter[] = [
  {
    name: "channel",
    in: "query",
    description: "A channel to subscribe to. Can be repeated.",
    schema: channelName,
    example: "room:1",
  },
  {
    name: "channels",
    in: "query",
    description: "Several channels separated by commas, if their names contain none.",
    schema: { type: "string" },
  },
  {
    name: "user_id",
    in: "query",
    description: "The user, if the server accepts it without a token (TRUST_USER_ID).",
    schema: userId,
    example: "alice",
  },
  {
    name: "token",
    in: "query",
    description: "The user's token. Prefer a header if the client can set one.",
    schema: { type: "string" },
  },
  {
    name: "since",
    in: "query",
    description: `The position to resume from: a cursor \`channel~epoch~offset,…\`, ${sinceWords}.`,
    schema: { type: "string", maxLength: limits.cursorBytes },
  },
  {
    name: "takes_over",
    in: "query",
    description: "The `resume_key` from the welcome of an earlier connection, which this one replaces.",
    schema: { type: "string", maxLength: 64 },
  },
];

const refusals: readonly ErrorCode[] = [
  "bad-request",
  "unauthorized",
  "token-expired",
  "keys-unavailable",
  "conflict",
  "too-many-channels",
];

const aboutWebSocket: About = {
  tag: "streams",
  credential: "token",
  details: `The frames are described below and in \`/asyncapi.json\`. No subprotocol is required; with \`fanfare.v1\` the server may send several frames as one JSON array.

Browsers do not report why a handshake failed. So with an \`Origin\` or with \`fanfare.v1\` the server accepts the handshake and closes the connection at once with a close code. The path \`/\` accepts the same handshake.`,
  parameters: arrivalParameters,
  answers: { 101: { description: "Switching protocols. The first frame is the welcome." } },
  errors: [
    ...refusals,
    "upgrade-required",
    "rate-limited",
    "broker-unavailable",
    "hook-unavailable",
    "draining",
    "full",
    "overloaded",
  ],
};

const aboutSse: About = {
  tag: "streams",
  credential: "token",
  details: `\`data:\` is the same JSON as on the WebSocket. \`event:\` is the \`event\` of the publication, \`system\` for system frames, and otherwise absent. The last block of each write has \`id: <cursor>\`, so an \`EventSource\` resumes all its channels by itself.

An \`EventSource\` never reconnects after a response other than 200. So if the server is starting, draining, full or limiting the rate, it responds with 200 and \`retry:\` and ends the stream. Before it ends a stream, it sends a \`system\` event \`closing\` with a close code and the reason. After \`STREAM_LIFETIME\` the server ends each stream, and the client resumes on a new connection.

If a channel is not allowed, an \`error\` frame names it and the stream continues with the other channels. HEAD returns the same headers as GET.`,
  parameters: [
    ...arrivalParameters,
    {
      name: "heartbeat",
      in: "query",
      description:
        "Interval of `system` events `heartbeat`, in seconds. Without it, the server sends a comment every 15 s, which a page cannot see.",
      schema: { type: "integer", minimum: 1, maximum: 3600 },
    },
    {
      name: "Last-Event-ID",
      in: "header",
      description:
        "The last `id:`, as browsers send it. Wins over `since`. For a cursor from another server the welcome says `recovered: false`.",
      schema: { type: "string" },
    },
    {
      name: "lastEventId",
      in: "query",
      description: "The same, for polyfills that cannot set a header.",
      schema: { type: "string" },
    },
  ],
  answers: {
    200: {
      description: "The event stream. It stays open.",
      contents: {
        "text/event-stream": {
          schema: { type: "string" },
          examples: {
            message:
              'data: {"type":"message","channel":"all","offset":1,"id":"m-1","timestamp":"2026-11-20T10:30:25.123Z","message":"hi"}\nid: all~k3x9~1\n\n',
          },
        },
      },
    },
  },
  errors: refusals.filter((it) => it !== "conflict"),
};

/** The two transports. Their requests are handled in transport/, before the routes. */
export function streamOperations(wsPath: string): readonly Operation[] {
  return [
    { method: "GET", path: wsPath, summary: "Open a WebSocket.", about: aboutWebSocket },
    { method: "GET", path: "/sse", summary: "Open a stream of Server-Sent Events.", about: aboutSse },
  ];
}
