import type { Draft, Publication } from "../../protocol/publication.ts";
import type { Place } from "./ledger/ledger.ts";

/** A draft that got its place. Ephemeral ones have none: an offset of 0 and an empty epoch. */
export function toPublication(draft: Draft, { id, epoch, offset, timestamp }: Place): Publication {
  if (draft.ephemeral !== true) return { ...draft, id, epoch, offset, timestamp };
  const { ephemeral, ...rest } = draft;
  return { ...rest, id, epoch, offset, timestamp };
}
