/**
 * Cuts values out of JSON text without parsing them, so that `data` is passed on unchanged: 64-bit numbers, the order of
 * members and duplicate members survive. Every function here expects text that `JSON.parse` accepted.
 *
 * memberTexts('{"id":"a", "data": {"n": 9007199254740993}}') -> { id: '"a"', data: '{"n": 9007199254740993}' }
 */
export function memberTexts(objectText: string): ReadonlyMap<string, string> {
  const members = new Map<string, string>();
  let at = skipSpace(objectText, 0) + 1;
  for (;;) {
    at = skipSpace(objectText, at);
    if (objectText.charCodeAt(at) !== quote) return members;
    const keyEnd = skipString(objectText, at);
    const key: unknown = JSON.parse(objectText.slice(at, keyEnd));
    const start = skipSpace(objectText, skipSpace(objectText, keyEnd) + 1);
    const end = skipValue(objectText, start);
    members.set(String(key), objectText.slice(start, end));
    at = skipSpace(objectText, end) + 1;
  }
}

/** The last member with this name, which is the one that `JSON.parse` keeps; undefined if there is none. */
export function memberText(objectText: string, name: string): string | undefined {
  return new MemberScan(objectText, name).member(skipSpace(objectText, 0));
}

/** The elements of an array, each as JSON text. */
export function elementTexts(arrayText: string): readonly string[] {
  const elements: string[] = [];
  let at = skipSpace(arrayText, skipSpace(arrayText, 0) + 1);
  if (arrayText.charCodeAt(at) === closeBracket) return elements;
  for (;;) {
    const end = skipValue(arrayText, at);
    elements.push(arrayText.slice(at, end));
    const next = skipSpace(arrayText, end);
    if (arrayText.charCodeAt(next) !== comma) return elements;
    at = skipSpace(arrayText, next + 1);
  }
}

/** The same JSON on one line. In valid JSON a line break is only white space, and it would split an SSE event. */
export function onOneLine(jsonText: string): string {
  return /[\r\n]/.test(jsonText) ? jsonText.replace(/[\r\n]+/g, " ") : jsonText;
}

/**
 * The same JSON with characters in place of `\u` escapes, for measuring its size: some encoders (Python's `json.dumps`) escape
 * everything, which takes up to three times the bytes. Escapes that JSON requires are kept, and so are those of characters
 * that would not survive: control characters, line separators, lone surrogates.
 */
export function withoutEscapes(jsonText: string): string {
  return jsonText.includes("\\u") ? jsonText.replace(escapes, unescaped) : jsonText;
}

/** A surrogate pair, one code unit, or any other escape. The last is matched so that `\\u0041` is not read as an escape. */
const escapes = /\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})|\\u([0-9a-f]{4})|\\./gi;
const needsEscape = /["\\\p{Cc}\p{Zl}\p{Zp}\p{Cs}]/u;

function unescaped(all: string, high?: string, low?: string, unit?: string): string {
  if (high !== undefined && low !== undefined) {
    return String.fromCharCode(Number.parseInt(high, 16), Number.parseInt(low, 16));
  }
  if (unit === undefined) return all;
  const character = String.fromCharCode(Number.parseInt(unit, 16));
  return needsEscape.test(character) ? all : character;
}

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;

function skipSpace(text: string, from: number): number {
  let at = from;
  while (isSpace(text.charCodeAt(at))) at++;
  return at;
}

function isSpace(char: number): boolean {
  return char === 0x20 || char === 0x0a || char === 0x0d || char === 0x09;
}

/** Finds members of one name in the objects of a text. */
class MemberScan {
  /** The end of the value that was scanned last. */
  end = 0;
  readonly #text: string;
  readonly #name: string;
  /** The first backslash that was not passed yet. */
  #backslash: number;

  constructor(text: string, name: string) {
    this.#text = text;
    this.#name = name;
    this.#backslash = nextBackslash(text, 0);
  }

  /** The last such member of the value that begins at `from`; undefined if it is not an object or has none. */
  member(from: number): string | undefined {
    const text = this.#text;
    if (text.charCodeAt(from) !== openBrace) {
      this.end = skipValue(text, from);
      return undefined;
    }
    let found: string | undefined;
    let at = from;
    do {
      at = skipSpace(text, at + 1);
      if (text.charCodeAt(at) !== quote) break; // an empty object
      const keyEnd = skipString(text, at);
      const start = skipSpace(text, skipSpace(text, keyEnd) + 1);
      const end = skipValue(text, start);
      if (this.#isName(at, keyEnd)) found = text.slice(start, end);
      at = skipSpace(text, end);
    } while (text.charCodeAt(at) === comma);
    this.end = at + 1;
    return found;
  }

  /** Whether the key with these quotes is the name. Only keys with escapes are parsed. */
  #isName(from: number, end: number): boolean {
    if (this.#backslash < from) this.#backslash = nextBackslash(this.#text, from);
    if (this.#backslash < end) return JSON.parse(this.#text.slice(from, end)) === this.#name;
    return end - from === this.#name.length + 2 && this.#text.startsWith(this.#name, from + 1);
  }
}

/** The index of the next backslash, or the length of the text. */
function nextBackslash(text: string, from: number): number {
  const at = text.indexOf("\\", from);
  return at < 0 ? text.length : at;
}

/** The end of the string that begins at `from`. The engine's own search is ten times as fast as a loop over the characters. */
function skipString(text: string, from: number): number {
  for (let at = text.indexOf('"', from + 1); at >= 0; at = text.indexOf('"', at + 1)) {
    if (!isEscaped(text, at)) return at + 1;
  }
  return text.length;
}

/**
 * An odd number of backslashes before a character escapes it. They belong to the same string, because it begins with a
 * quote.
 */
function isEscaped(text: string, at: number): boolean {
  let backslashes = 0;
  while (text.charCodeAt(at - 1 - backslashes) === backslash) backslashes++;
  return backslashes % 2 === 1;
}

/** The end of the value that begins at `from`. Iterative, because the sender chooses the depth. */
function skipValue(text: string, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    const char = text.charCodeAt(at);
    if (char === quote) {
      at = skipString(text, at) - 1;
      if (depth === 0) return at + 1;
    } else if (char === openBrace || char === openBracket) depth++;
    else if (char === closeBrace || char === closeBracket) {
      if (depth === 0) return at; // end of the enclosing array or object: the value is a number, true, false or null
      if (--depth === 0) return at + 1;
    } else if (depth === 0 && (char === comma || isSpace(char))) return at;
  }
  return text.length;
}
