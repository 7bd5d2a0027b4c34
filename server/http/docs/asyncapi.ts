import { closeTable } from "../../../protocol/close-codes.ts";
import { components } from "../../api/about/schemas.ts";
import { arrivalParameters } from "./about-streams.ts";
import { clientFrames } from "./client-frames.ts";
import type { AsyncApiDocument } from "./documents.ts";
import type { DocumentSettings } from "./openapi.ts";
import { serverFrames } from "./server-frames.ts";

/** Where a document is asked for: its origin, such as `https://push.example.com`. */
export interface Place {
  readonly isTls: boolean;
  /** With the port, where it is not the scheme's own. */
  readonly host: string;
}

const channelRef = { $ref: "#/channels/socket" };

/** Frames that come without being asked for; all others answer a command. */
const unasked = [
  "welcome",
  "message",
  "advance",
  "joined",
  "left",
  "draining",
  "gap",
  "error",
  "closing",
  "heartbeat",
] as const;

/** An AsyncAPI 3.0 document (https://www.asyncapi.com/docs/reference/specification/v3.0.0) of the WebSocket protocol. */
export function asyncApi(wsPath: string, settings: DocumentSettings, { isTls, host }: Place): AsyncApiDocument {
  return {
    asyncapi: "3.0.0",
    info: { title: "Fanfare", version: settings.version, description: introduction, license: { name: "MIT" } },
    defaultContentType: "application/json",
    servers: { here: { host, protocol: isTls ? "wss" : "ws", description: "Where this document was asked for." } },
    channels: {
      socket: {
        address: wsPath,
        summary: "One WebSocket: commands one way, publications and answers the other.",
        messages: Object.fromEntries(messageNames().map((name) => [name, { $ref: `#/components/messages/${name}` }])),
        bindings: { ws: { method: "GET", query: querySchema(), bindingVersion: "0.1.0" } },
      },
    },
    operations: operations(),
    components: { messages: messages(), schemas: components },
  };
}

const introduction = `Text frames, one JSON object each. A client that chose the subprotocol \`fanfare.v1\` may be sent several at once, as a JSON array of such objects. Unknown fields are ignored; an unknown \`type\` is answered with an error, never with a closed connection. Commands of one connection take effect in order.

Close codes:

${Object.values(closeTable)
  .map(({ code, reason, reconnect }) => `- ${code}: ${reason}${reconnect ? " (come back)" : ""}`)
  .join("\n")}`;

function messageNames(): readonly string[] {
  return [
    ...Object.keys(clientFrames).map((name) => `client.${name}`),
    ...Object.keys(serverFrames).map((name) => `server.${name}`),
  ];
}

function messages(): AsyncApiDocument["components"]["messages"] {
  const fromClients = Object.entries(clientFrames).map(([name, { summary, payload, examples }]) => [
    `client.${name}`,
    {
      name,
      summary,
      contentType: payload.type === "string" ? "text/plain" : "application/json",
      payload,
      examples: examples.map((example) => ({ payload: example })),
    },
  ]);
  const fromServer = Object.entries(serverFrames).map(([name, { summary, payload, example }]) => [
    `server.${name}`,
    { name, summary, payload, examples: [{ payload: example }] },
  ]);
  return Object.fromEntries([...fromClients, ...fromServer]);
}

/** Said from the server's side, as AsyncAPI wants it: it receives what clients send. */
function operations(): AsyncApiDocument["operations"] {
  const commands = Object.entries(clientFrames).map(([name, { summary, answers }]) => [
    name,
    {
      action: "receive",
      channel: channelRef,
      summary,
      messages: [messageRef(`client.${name}`)],
      reply: { channel: channelRef, messages: [...answers, "error"].map((answer) => messageRef(`server.${answer}`)) },
    },
  ]);
  const deliver = {
    action: "send",
    channel: channelRef,
    summary: "What comes without being asked for.",
    messages: unasked.map((name) => messageRef(`server.${name}`)),
  };
  return { ...Object.fromEntries(commands), deliver };
}

function messageRef(name: string) {
  return { $ref: `#/channels/socket/messages/${name}` };
}

function querySchema() {
  const properties = arrivalParameters.map(({ name, description, schema }) => [name, { ...schema, description }]);
  return { type: "object", properties: Object.fromEntries(properties) };
}
