/** Characters that move the cursor, change colours, break lines or change the writing direction. */
const unprintable = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

const names: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/**
 * Makes untrusted text safe to print in a terminal. Control characters are escaped (`\x1b[2J`), so that a message cannot clear
 * the screen or forge a line. The result is one line.
 */
export function printable(text: string): string {
  return text.toWellFormed().replace(unprintable, (it) => names[it] ?? hex(it));
}

/** A value as JSON on one line, safe to print in a terminal: JSON.stringify does not escape all of these characters. */
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
