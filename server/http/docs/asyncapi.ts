import { closeTable } from "../../../protocol/close-codes.ts";
import { components } from "../../api/about/components.ts";
import { arrivalParameters } from "./about-streams.ts";
import { clientFrames } from "./client-frames.ts";
import type { AsyncApiDocument } from "./documents.ts";
import type { DocumentSettings } from "./openapi.ts";
import { serverFrames } from "./server-frames.ts";

/** The origin at which a document was requested. */
export interface RequestOrigin {
  readonly isTls: boolean;
  /** With the port, unless it is the scheme's default. */
  readonly host: string;
}

const channelRef = { $ref: "#/channels/socket" };

/** Frames that the server sends by itself. All others respond to a command. */
const unasked = [
  "welcome",
  "message",
  "advance",
  "joined",
  "left",
  "draining",
  "gap",
  "token-expiring",
  "presence_event",
  "presence_reset",
  "error",
  "closing",
  "heartbeat",
] as const;

/** An AsyncAPI 3.0 document (https://www.asyncapi.com/docs/reference/specification/v3.0.0) of the WebSocket protocol. */
export function asyncApi(wsPath: string, settings: DocumentSettings, { isTls, host }: RequestOrigin): AsyncApiDocument {
  return {
    asyncapi: "3.0.0",
    info: { title: "Fanfare", version: settings.version, description: introduction, license: { name: "MIT" } },
    defaultContentType: "application/json",
    servers: { here: { host, protocol: isTls ? "wss" : "ws", description: "The server that returned this document." } },
    channels: {
      socket: {
        address: wsPath,
        summary: "A WebSocket: the client sends commands, the server sends publications and responses.",
        messages: Object.fromEntries(messageNames().map((name) => [name, { $ref: `#/components/messages/${name}` }])),
        bindings: { ws: { method: "GET", query: querySchema(), bindingVersion: "0.1.0" } },
      },
    },
    operations: operations(),
    components: { messages: messages(), schemas: components },
  };
}

const introduction = `Each text frame is a JSON object. With the subprotocol \`fanfare.v1\` the server may send several frames at once, as a JSON array of such objects. Unknown fields are ignored. The response to an unknown \`type\` is an error; the connection stays open. The commands of a connection take effect in order.

Close codes:

${Object.values(closeTable)
  .map(({ code, reason, reconnect }) => `- ${code}: ${reason}${reconnect ? " (reconnect)" : ""}`)
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

/** The operations from the server's point of view, as AsyncAPI requires: the server receives what clients send. */
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
    summary: "Frames that the server sends by itself.",
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
