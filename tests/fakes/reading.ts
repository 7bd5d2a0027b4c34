import type { Encoded, WireForm } from "../../server/session/wire-form.ts";

/** Where a subscription starts, as a client reads it. */
export interface ReceivedJoin {
  readonly epoch: string;
  readonly offset: number;
  readonly from: number;
  readonly recovered?: boolean;
  readonly reason?: string;
}

/** A server frame as a client reads it, with the fields that tests use. */
export interface ReceivedFrame extends Partial<ReceivedJoin> {
  readonly type: string;
  readonly event?: string;
  readonly channel?: string;
  readonly channels?: Readonly<Record<string, ReceivedJoin>>;
  readonly to?: number;
  readonly id?: string;
  readonly ref?: string | number;
  readonly message?: string;
  readonly sender?: string;
  readonly code?: string;
  readonly field?: string;
  readonly online?: number;
  readonly duplicate?: boolean;
  readonly connection_id?: string;
  readonly resume_key?: string;
  readonly deadline_ms?: number;
  readonly reconnect_after_ms?: number;
  readonly retry_after_ms?: number;
  readonly expires_at?: string | null;
  readonly messages?: readonly ReceivedFrame[];
  readonly complete?: boolean;
  readonly users?: readonly string[];
  readonly members?: readonly { readonly connection_id: string; readonly user_id?: string }[];
  readonly next?: string;
  readonly count?: number;
  readonly position?: number;
  readonly user_id?: string;
}

/** One write, as a client reads it. */
export interface ReadWrite {
  readonly frames: readonly ReceivedFrame[];
  /** The cursor at the end of the write, if the wire form has one. */
  readonly cursor: string | undefined;
}

/** Decodes a write like a client of that wire form. */
export function readWrite(form: WireForm, encoded: Encoded): ReadWrite {
  const texts = encoded.map((part) => (typeof part === "string" ? part : new TextDecoder().decode(part)));
  if (!form.carriesCursor) return { frames: texts.flatMap(readJson), cursor: undefined };
  const blocks = texts.join("").split("\n\n");
  const fields = blocks.flatMap((block) => block.split("\n"));
  return {
    frames: fields.filter((field) => field.startsWith("data: ")).flatMap((field) => readJson(field.slice(6))),
    cursor: fields.findLast((field) => field.startsWith("id: "))?.slice(4),
  };
}

/** One frame, or several as an array. */
export function readJson(text: string): readonly ReceivedFrame[] {
  const read = JSON.parse(text) as ReceivedFrame | readonly ReceivedFrame[];
  return Array.isArray(read) ? read : [read as ReceivedFrame];
}
