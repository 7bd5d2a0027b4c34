/**
 * The items with the highest values, highest first; equal ones in their order. One pass without a sorted copy of all items: it may
 * be called for a hundred thousand.
 */
export function topOf<T>(items: Iterable<T>, count: number, rankOf: (item: T) => number): readonly T[] {
  const top: { readonly item: T; readonly value: number }[] = [];
  for (const item of items) {
    const value = rankOf(item);
    if (top.length >= count && value <= (top.at(-1)?.value ?? Number.POSITIVE_INFINITY)) continue;
    const index = top.findIndex((it) => it.value < value);
    top.splice(index === -1 ? top.length : index, 0, { item, value });
    if (top.length > count) top.pop();
  }
  return top.map(({ item }) => item);
}
