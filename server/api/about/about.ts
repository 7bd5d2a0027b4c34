import type { ErrorCode } from "../../../protocol/errors.ts";
import type { Scope } from "../../auth/api-key.ts";
import type { JsonSchema } from "./json-schema.ts";

/** One operation of the HTTP API, as described in `/openapi.json` and `/docs`. */
export interface Operation {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** As in OpenAPI: `/v1/channels/{channel}`. */
  readonly path: string;
  /** The scope a key needs; undefined if no key is required. */
  readonly scope?: Scope;
  /** Also accepts a user's token instead of a key. Then the user's permissions apply. */
  readonly forClients?: true;
  /** One sentence. */
  readonly summary: string;
  readonly about: About;
}

/** The documentation of an operation, besides its summary. */
export interface About {
  readonly tag: Tag;
  /** Paragraphs, with an empty line between two; `code` in backticks. */
  readonly details?: string;
  readonly parameters?: readonly Parameter[];
  /** Media type → schema and examples of the body. */
  readonly request?: Contents;
  /** Status → response. Error responses are listed in `errors`. */
  readonly answers: Readonly<Record<number, Answer>>;
  /** In addition to the errors that every operation of its kind can return, such as a missing key or too large a body. */
  readonly errors?: readonly ErrorCode[];
  /** "token": takes a user's token, not a key. "user": the same, but never in the URL. "optional": returns less without a key. */
  readonly credential?: "token" | "user" | "optional";
}

/** The groups of operations, in the order in which they are shown. */
export const tags = {
  push: "Push events to a user, on any worker or machine.",
  publish: "Publish messages to channels and users.",
  channels: "Inspect channels: history and presence.",
  schedules: "Publish at a time, at an interval, or by a cron expression.",
  connections: "List and close connections.",
  tracing: "Find out why a publication did not arrive, and watch events live.",
  streams: "Receive messages over WebSocket or Server-Sent Events.",
  operations: "Health checks, metrics and operations.",
  documents: "This documentation, for people and programs.",
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
