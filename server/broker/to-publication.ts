import type { Draft, Publication } from "../../protocol/publication.ts";
import type { Place } from "./ledger/ledger.ts";
import { hasOnlyData } from "./own-draft.ts";

/** Makes the publication of a draft. An ephemeral one has no position: its offset is 0 and its epoch is empty. */
export function toPublication(draft: Draft, { id, epoch, offset, timestamp }: Place): Publication {
  const { channel, data } = draft;
  // What a push is: in a loop, a literal takes 0.2 µs less than a spread.
  if (data !== undefined && hasOnlyData(draft)) return { channel, data, id, epoch, offset, timestamp };
  if (draft.ephemeral !== true && draft.publisher === undefined) return { ...draft, id, epoch, offset, timestamp };
  const { ephemeral, publisher, ...rest } = draft;
  return { ...rest, id, epoch, offset, timestamp };
}
