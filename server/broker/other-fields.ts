import type { Draft, Publication } from "../../protocol/publication.ts";

/**
 * Where a draft or a publication is written as bytes, only some of its fields have a place of their own. This returns the
 * other fields as JSON, or "" if there are none. A field that is added later is one of them, so it cannot be forgotten. Hot
 * path: it counts the fields, and lists them only if there are others.
 *
 * @param message the text that is written in the place of the message. If that is "", the message of the draft is one of
 * the other fields.
 */
export function otherFields(it: Draft | Publication, message: string): string {
  let count = 0;
  for (const _ in it) count++;
  count--; // its channel
  if (it.id !== undefined) count--;
  if ("epoch" in it) count -= 3; // and its offset and timestamp
  if (it.data !== undefined) count--;
  if (message !== "") count--;
  if (count === 0) return "";
  const { channel, id, epoch, offset, timestamp, data, message: own, ...others } = it as Publication;
  return JSON.stringify(own === undefined || message !== "" ? others : { ...others, message: own });
}
