import type { ChannelName } from "../../protocol/channel-name.ts";
import type { Draft, Publication } from "../../protocol/publication.ts";
import type { Place } from "./ledger/ledger.ts";
import { hasOnlyData } from "./own-draft.ts";

/**
 * Makes the publication of a draft. An ephemeral one has no position: its offset is 0 and its epoch is empty.
 * @param channel the channel's name as it is kept, so that all its publications share it
 */
export function toPublication(
  draft: Draft,
  { id, epoch, offset, timestamp }: Place,
  channel: ChannelName = draft.channel,
): Publication {
  const { data } = draft;
  // Fast path for pushes: in a loop, a literal takes 0.2 µs less than a spread.
  if (data !== undefined && hasOnlyData(draft)) return { channel, data, id, epoch, offset, timestamp };
  if (draft.ephemeral !== true && draft.publisher === undefined)
    return { ...draft, channel, id, epoch, offset, timestamp };
  const { ephemeral, publisher, ...rest } = draft;
  return { ...rest, channel, id, epoch, offset, timestamp };
}
