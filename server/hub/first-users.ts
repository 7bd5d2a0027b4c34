/** A member of a channel; sessions can have no user. */
interface Member {
  readonly session: { readonly userId: string | undefined };
}

/**
 * The first `count` users after `after`, without duplicates, sorted by code unit. Keeps no more than that in memory, so a
 * page of a channel with 100,000 members costs one pass, and no list or sort of all of them.
 */
export function firstUsers(members: Iterable<Member>, after: string, count: number): string[] {
  const found: string[] = [];
  for (const { session } of members) {
    const { userId } = session;
    if (userId === undefined || userId <= after) continue;
    if (found.length === count && userId >= (found[count - 1] ?? "")) continue;
    const index = indexOf(userId, found);
    if (found[index] === userId) continue;
    found.splice(index, 0, userId);
    if (found.length > count) found.pop();
  }
  return found;
}

/** The index of the first user that is not below `userId`. */
function indexOf(userId: string, sorted: readonly string[]): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? "") < userId) low = middle + 1;
    else high = middle;
  }
  return low;
}
