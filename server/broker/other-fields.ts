import type { Draft, Publication } from "../../protocol/publication.ts";

/**
 * The fields that have no place of their own where a draft or a publication is written as bytes, as JSON; empty if there are
 * none. A new field has none, so it cannot be forgotten. Hot path: it counts the fields, and names them only if there are others.
 *
 * @param message the message as it is written; if it is "", the one that the draft has is among the others
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
