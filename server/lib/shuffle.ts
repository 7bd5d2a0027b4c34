/** Puts the items in a random order (Fisher–Yates). @param random from 0 up to 1 */
export function shuffled<T>(items: Iterable<T>, random: () => number): T[] {
  const result = [...items];
  for (let left = result.length; left > 1; ) {
    const chosen = Math.floor(random() * left--);
    [result[chosen], result[left]] = [result[left] as T, result[chosen] as T];
  }
  return result;
}
