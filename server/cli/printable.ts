/** What moves the cursor, changes colours, breaks lines or turns the direction of writing. */
const unprintable = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

const names: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/**
 * Other people's text as a terminal may show it: on one line, and whatever a terminal would obey is written out
 * (`\x1b[2J`), so that nobody clears another one's screen or forges a line.
 */
export function printable(text: string): string {
  return text.toWellFormed().replace(unprintable, (it) => names[it] ?? hex(it));
}

/** A value as JSON on one line, which a terminal may show too: JSON itself leaves some of these characters as they are. */
export function printableJson(value: unknown): string {
  return JSON.stringify(value).replace(unprintable, (it) => `\\u${codeOf(it).padStart(4, "0")}`);
}

function hex(character: string): string {
  const code = codeOf(character);
  return code.length <= 2 ? `\\x${code.padStart(2, "0")}` : `\\u${code.padStart(4, "0")}`;
}

function codeOf(character: string): string {
  return (character.codePointAt(0) ?? 0).toString(16);
}
