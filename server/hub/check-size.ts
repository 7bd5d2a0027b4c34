import { ServiceError } from "../../protocol/errors.ts";
import type { Body, Labels } from "../../protocol/publication.ts";
import { exceeds, publishedBytesOf } from "../broker/cost-of.ts";

/** @throws ServiceError "too-large" for a publication of more than `maxBytes` */
export function checkSize(draft: Body & Labels, maxBytes: number): void {
  if (!exceeds(draft, maxBytes)) return;
  const rule = `message, data and headers: expected at most ${maxBytes} bytes together`;
  throw new ServiceError("too-large", `${rule}, got ${publishedBytesOf(draft)}`);
}
