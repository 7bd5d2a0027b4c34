/**
 * The part of a key that selects its slot: all keys with the same tag are in one slot. Escapes braces, which would end the
 * tag, and `%`, so that different names stay different.
 */
export function slotTag(name: string): string {
  const escaped = /[{}%]/.test(name)
    ? name.replace(/[{}%]/g, (it) => (it === "{" ? "%7B" : it === "}" ? "%7D" : "%25"))
    : name;
  return `{${escaped}}`;
}
