import type { ErrorCode } from "../../../protocol/errors.ts";
import type { Scope } from "../../auth/api-key.ts";
import type { JsonSchema } from "./json-schema.ts";

/** One operation of the HTTP interface, as `/openapi.json` and `/docs` tell of it. */
export interface Operation {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** As in OpenAPI: `/v1/channels/{channel}`. */
  readonly path: string;
  /** What a key must allow; undefined where none is asked for. */
  readonly scope?: Scope;
  /** A user's token is taken as well as a key; then the user's own permissions count. */
  readonly forClients?: true;
  /** One sentence. */
  readonly summary: string;
  readonly about: About;
}

/** What a reader must know of an operation beside its summary. */
export interface About {
  readonly tag: Tag;
  /** Paragraphs, with an empty line between two; `code` in backticks. */
  readonly details?: string;
  readonly parameters?: readonly Parameter[];
  /** Media type → what the body looks like. */
  readonly request?: Contents;
  /** Status → answer; refusals stand in `errors`. */
  readonly answers: Readonly<Record<number, Answer>>;
  /** Beside those that every operation of its kind knows: no key, too large a body, a fault of the server. */
  readonly errors?: readonly ErrorCode[];
  /** "token": a user's token, not a key. "optional": without a key it answers less. */
  readonly credential?: "token" | "optional";
}

/** How the operations are grouped, in the order in which they are shown. */
export const tags = {
  push: "Reach one user, on whatever worker or machine the user's connections are.",
  publish: "Say something in channels.",
  channels: "Look at channels: what was said, and who is there.",
  connections: "See who is connected, and close connections.",
  streams: "Receive: WebSocket and Server-Sent Events.",
  operations: "For load balancers, monitoring and people on duty.",
  documents: "This description, for programs and for people.",
} as const;

export type Tag = keyof typeof tags;

export interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly description: string;
  readonly required?: boolean;
  readonly schema: JsonSchema;
  readonly example?: string | number;
}

/** Media type → schema and named examples. */
export type Contents = Readonly<Record<string, Content>>;

export interface Content {
  readonly schema: JsonSchema;
  readonly examples?: Readonly<Record<string, unknown>>;
}

export interface Answer {
  readonly description: string;
  readonly contents?: Contents;
}

export function json(schema: JsonSchema, examples: Readonly<Record<string, unknown>>): Contents {
  return { "application/json": { schema, examples } };
}
