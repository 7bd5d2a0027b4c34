import type { ChannelName } from "../../../protocol/channel-name.ts";

/**
 * The first `limit` names after `after` that begin with `prefix`, in the order of their UTF-16 units. Visits all names, because
 * lists are requested rarely, and a sorted index would slow down each new channel.
 */
export function firstNames(
  names: Iterable<ChannelName>,
  prefix: string,
  after: string,
  limit: number,
): readonly ChannelName[] {
  let found: ChannelName[] = [];
  let last: string | undefined;
  for (const name of names) {
    if (name <= after || !name.startsWith(prefix) || (last !== undefined && name >= last)) continue;
    found.push(name);
    if (found.length < 2 * limit + minBatch) continue;
    found = found.sort().slice(0, limit); // names are never equal, and a plain sort compares UTF-16 units
    last = found.at(-1);
  }
  return found.sort().slice(0, limit);
}

/** With smaller batches, sorting would only happen more often. */
const minBatch = 100;
