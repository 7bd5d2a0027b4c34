/** Whoever has a session with a user, or without one. */
interface Member {
  readonly session: { readonly userId: string | undefined };
}

/**
 * The first `count` users after `after`, each once, sorted by code unit. Holds no more than that, so asking for a page of a
 * channel with 100,000 members costs one walk over them and neither a list nor a sort of all.
 */
export function firstUsers(members: Iterable<Member>, after: string, count: number): string[] {
  const found: string[] = [];
  for (const { session } of members) {
    const { userId } = session;
    if (userId === undefined || userId <= after) continue;
    if (found.length === count && userId >= (found[count - 1] ?? "")) continue;
    const place = placeOf(userId, found);
    if (found[place] === userId) continue;
    found.splice(place, 0, userId);
    if (found.length > count) found.pop();
  }
  return found;
}

/** The index of the first one that is not below it. */
function placeOf(userId: string, sorted: readonly string[]): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? "") < userId) low = middle + 1;
    else high = middle;
  }
  return low;
}
