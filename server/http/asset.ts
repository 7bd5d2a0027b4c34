import { createHash } from "node:crypto";
import type { TextResponses } from "./text-responses.ts";

/** A file for browsers, with the headers that it is sent with. */
export interface Asset {
  readonly text: string;
  readonly hash: string;
  readonly headers: Readonly<Record<string, string>>;
}

export function makeAsset(text: string, headers: Readonly<Record<string, string>>): Asset {
  const hash = createHash("sha256").update(text).digest("hex").slice(0, 22);
  return { text, hash, headers: { ...headers, ETag: `"${hash}"` } };
}

/** The file, or 304 for a browser that has it. */
export function sendAsset(
  { text, headers }: Asset,
  request: Request,
  responses: Pick<TextResponses, "make">,
): Response {
  const known = request.headers.get("If-None-Match") ?? "";
  const isKnown = known.split(",").some((tag) => tag.trim().replace(/^W\//, "") === headers.ETag);
  return isKnown ? new Response(null, { status: 304, headers }) : responses.make(text, { headers });
}

/** Makes an asset on the first request, and keeps it. A failed try is reported to its request and repeated for the next one. */
export function keepAsset(make: () => Promise<Asset>): () => Promise<Asset> {
  let kept: Promise<Asset> | undefined;
  return () => {
    kept ??= make().catch((error: unknown) => {
      kept = undefined;
      throw error;
    });
    return kept;
  };
}
