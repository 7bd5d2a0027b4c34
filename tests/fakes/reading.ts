import type { Encoded, WireForm } from "../../server/session/wire-form.ts";

/** Where a join begins, as a client reads it. */
export interface SaidJoin {
  readonly epoch: string;
  readonly offset: number;
  readonly from: number;
  readonly recovered?: boolean;
  readonly reason?: string;
}

/** A frame of the server as a client reads it: only what tests look at. */
export interface Said extends Partial<SaidJoin> {
  readonly type: string;
  readonly event?: string;
  readonly channel?: string;
  readonly channels?: Readonly<Record<string, SaidJoin>>;
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
  readonly messages?: readonly Said[];
  readonly complete?: boolean;
  readonly users?: readonly string[];
  readonly count?: number;
}

/** What a client makes of one write. */
export interface ReadWrite {
  readonly said: readonly Said[];
  /** The cursor at the end of the write, where the form carries one. */
  readonly cursor: string | undefined;
}

/** Takes a write apart as a client of that form would. */
export function readWrite(form: WireForm, encoded: Encoded): ReadWrite {
  const texts = encoded.map((part) => (typeof part === "string" ? part : new TextDecoder().decode(part)));
  if (!form.carriesCursor) return { said: texts.flatMap(readJson), cursor: undefined };
  const blocks = texts.join("").split("\n\n");
  const fields = blocks.flatMap((block) => block.split("\n"));
  return {
    said: fields.filter((field) => field.startsWith("data: ")).flatMap((field) => readJson(field.slice(6))),
    cursor: fields.findLast((field) => field.startsWith("id: "))?.slice(4),
  };
}

/** One frame, or several as an array. */
export function readJson(text: string): readonly Said[] {
  const read = JSON.parse(text) as Said | readonly Said[];
  return Array.isArray(read) ? read : [read as Said];
}
