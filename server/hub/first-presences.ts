import { keyOf } from "../presence/page-key.ts";
import type { Presence } from "../presence/presence-store.ts";
import type { Membership } from "../session/session.ts";

/**
 * The first `count` presences whose key is above `after`, sorted by key. Keeps no more than that in memory, so a page of a
 * channel with 100,000 members costs one pass, and no list or sort of all of them.
 */
export function firstPresences(
  members: Iterable<Pick<Membership, "session" | "joinedAt">>,
  after: string,
  count: number,
): Presence[] {
  const keys: string[] = [];
  const found: Presence[] = [];
  for (const { session, joinedAt } of members) {
    const { id, userId, identity } = session;
    const key = keyOf({ userId, id });
    if (key <= after || (found.length === count && key >= (keys[count - 1] ?? ""))) continue;
    const index = indexOf(key, keys);
    keys.splice(index, 0, key);
    found.splice(index, 0, { id, userId, info: identity.info, since: joinedAt });
    if (found.length > count) {
      keys.pop();
      found.pop();
    }
  }
  return found;
}

/** The index of the first key that is not below `key`. */
function indexOf(key: string, sorted: readonly string[]): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? "") < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
