/**
 * Reads pairs whose parts may be percent-encoded: `a=b%20c` → `{ a: "b c" }`
 * @throws URIError if the decoded bytes are not UTF-8
 */
export function pairsOf(pairs: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf("=");
      return [decodeURIComponent(pair.slice(0, at)), decodeURIComponent(pair.slice(at + 1))];
    }),
  );
}
