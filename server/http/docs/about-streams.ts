import type { ErrorCode } from "../../../protocol/errors.ts";
import { limits } from "../../../protocol/limits.ts";
import { sinceRule } from "../../../protocol/position.ts";
import type { About, Operation, Parameter } from "../../api/about/about.ts";
import { channelName, userId } from "../../api/about/schemas.ts";

/** What a handshake of either transport may ask for. */
export const arrivalParameters: readonly Parameter[] = [
  {
    name: "channel",
    in: "query",
    description: "A channel to join; may be said several times.",
    schema: channelName,
    example: "room:1",
  },
  {
    name: "channels",
    in: "query",
    description: "Several channels with commas between them, for names that hold none.",
    schema: { type: "string" },
  },
  {
    name: "user_id",
    in: "query",
    description: "The user, where the server believes it without a token.",
    schema: userId,
    example: "alice",
  },
  { name: "token", in: "query", description: "The user's token; better as a header.", schema: { type: "string" } },
  {
    name: "since",
    in: "query",
    description: `From where to go on: a cursor \`channel~epoch~offset,…\`, or ${sinceRule}.`,
    schema: { type: "string", maxLength: limits.cursorBytes },
  },
  {
    name: "takes_over",
    in: "query",
    description: "The `resume_key` of an earlier welcome: this connection continues that one.",
    schema: { type: "string", maxLength: 64 },
  },
];

const refusals: readonly ErrorCode[] = [
  "bad-request",
  "unauthorized",
  "token-expired",
  "conflict",
  "too-many-channels",
];

const aboutWebSocket: About = {
  tag: "streams",
  credential: "token",
  details: `The frames are told of below, and by \`/asyncapi.json\`. No subprotocol is needed; \`fanfare.v1\` says that several frames may come as one JSON array.

A browser cannot see why a handshake was refused: with an \`Origin\` or with \`fanfare.v1\` it is accepted and closed at once with a code. The same handshake on \`/\` is taken as well.`,
  parameters: arrivalParameters,
  answers: { 101: { description: "Switching protocols: the first frame is the welcome." } },
  errors: [...refusals, "upgrade-required", "rate-limited", "broker-unavailable", "draining", "full"],
};

const aboutSse: About = {
  tag: "streams",
  credential: "token",
  details: `\`data:\` is the same JSON as on the WebSocket; \`event:\` is the publication's \`event\`, or \`system\` for system frames, else absent. The last block of each write carries \`id: <cursor>\`, so a plain \`EventSource\` resumes all its channels by itself.

An \`EventSource\` that is answered with anything but 200 never reconnects. So a server that is starting, draining, full or limiting answers 200 with \`retry:\` and ends the stream. Before the server ends a stream it sends a last \`system\` event \`closing\` with a close code and the reason. After \`STREAM_LIFETIME\` every stream is ended and resumes on a new connection.

A channel that is not allowed does not refuse the stream: an \`error\` frame names it, and the others are served. HEAD answers like GET, without a stream.`,
  parameters: [
    ...arrivalParameters,
    {
      name: "heartbeat",
      in: "query",
      description:
        "Seconds between two `system` events `heartbeat`, which a page can see. Without it: a comment every 15 s.",
      schema: { type: "integer", minimum: 1, maximum: 3600 },
    },
    {
      name: "Last-Event-ID",
      in: "header",
      description:
        "The last `id:`, as a browser sends it. Wins over `since`. A cursor that is not of this server is answered with `recovered: false`.",
      schema: { type: "string" },
    },
    {
      name: "lastEventId",
      in: "query",
      description: "The same for polyfills that cannot set a header.",
      schema: { type: "string" },
    },
  ],
  answers: {
    200: {
      description: "The stream; it stays open.",
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

/** The two ways to receive. The requests are answered by transport/, before any table of routes. */
export function streamOperations(wsPath: string): readonly Operation[] {
  return [
    { method: "GET", path: wsPath, summary: "Open a WebSocket.", about: aboutWebSocket },
    { method: "GET", path: "/sse", summary: "Open a stream of Server-Sent Events.", about: aboutSse },
  ];
}
