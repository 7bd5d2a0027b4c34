import type { Draft, Publication } from "../../../protocol/publication.ts";

/** The content of a publication, without its position. */
export type StoredBody = Omit<Publication, "channel" | "epoch" | "offset" | "timestamp">;

/** As JSON, because SQLite's text would lose lone surrogates. `{"id":"…","message":"Hello","sender":"Alice"}` */
export function formatBody({ channel, ephemeral, ...body }: Draft, id: string): string {
  return JSON.stringify({ ...body, id });
}

/** @throws Error for a text that `formatBody` did not make. */
export function parseBody(text: string): StoredBody {
  const body: unknown = JSON.parse(text);
  if (typeof body !== "object" || body === null || !("id" in body) || typeof body.id !== "string") {
    throw new Error("a stored publication is damaged");
  }
  return body as StoredBody;
}
