/** Reads the value that begins at `at`. @returns its end. @throws SyntaxError */
export type ReadValue = (at: number) => number;
/** Reads the members of an object. */
export interface MemberReader {
  /** The same for the value of a member, whose name is between the first two, quotes included. */
  readMember(nameStart: number, nameEnd: number, at: number): number;
}

/**
 * Checks JSON text without making the values that it describes.
 *
 * `JSON.parse` puts each name and each short text of a message into a table of the engine. The hash function of that table is
 * public and has no secret, so a sender can choose names that all collide: 15,000 of them, in 330 KB, took six seconds, and
 * they stay in the table until garbage is collected. This class takes time in proportion to the length of the text
 * (in most cases half of what `JSON.parse` takes).
 */
export class JsonCheck {
  readonly #text: string;
  readonly #maxDepth: number;
  #depth = 0;

  /** @param maxDepth levels of arrays and objects */
  constructor(text: string, maxDepth: number) {
    this.#text = text;
    this.#maxDepth = maxDepth;
  }

  /** Reads the whole text as one value. */
  whole(): void {
    this.end(this.value(this.skipSpace(0)));
  }

  /** Checks that only white space follows. */
  end(at: number): void {
    const end = this.skipSpace(at);
    if (end < this.#text.length) throw this.#broken(end);
  }

  /** The first character from `at` on that is not white space. */
  skipSpace(at: number): number {
    let end = at;
    for (;;) {
      const char = this.#text.charCodeAt(end);
      if (char !== 0x20 && char !== 0x0a && char !== 0x0d && char !== 0x09) return end;
      end++;
    }
  }

  /** The end of the value that begins at `at`. @throws SyntaxError, RangeError if it is nested too deep */
  value(at: number): number {
    const char = this.#text.charCodeAt(at);
    if (char === quote) return this.string(at);
    if (char === openBrace) return this.object(at);
    if (char === openBracket) return this.array(at);
    if (char === minus || isDigit(char)) return this.#number(at);
    for (const word of words) if (this.#text.startsWith(word, at)) return at + word.length;
    throw this.#broken(at);
  }

  /** The end of the object that begins at `at`. */
  object(at: number, reader?: MemberReader): number {
    this.#enter();
    let next = this.skipSpace(at + 1);
    if (this.#text.charCodeAt(next) === closeBrace) return this.#leave(next);
    for (;;) {
      if (this.#text.charCodeAt(next) !== quote) throw this.#broken(next);
      const nameEnd = this.string(next);
      const between = this.skipSpace(nameEnd);
      if (this.#text.charCodeAt(between) !== colon) throw this.#broken(between);
      const value = this.skipSpace(between + 1);
      const end = reader === undefined ? this.value(value) : reader.readMember(next, nameEnd, value);
      const after = this.skipSpace(end);
      const char = this.#text.charCodeAt(after);
      if (char === closeBrace) return this.#leave(after);
      if (char !== comma) throw this.#broken(after);
      next = this.skipSpace(after + 1);
    }
  }

  /** The end of the array that begins at `at`. */
  array(at: number, readElement?: ReadValue): number {
    this.#enter();
    let next = this.skipSpace(at + 1);
    if (this.#text.charCodeAt(next) === closeBracket) return this.#leave(next);
    for (;;) {
      const end = readElement === undefined ? this.value(next) : readElement(next);
      const after = this.skipSpace(end);
      const char = this.#text.charCodeAt(after);
      if (char === closeBracket) return this.#leave(after);
      if (char !== comma) throw this.#broken(after);
      next = this.skipSpace(after + 1);
    }
  }

  /** The end of the string that begins at `at`, after its quote. */
  string(at: number): number {
    let next = at + 1;
    for (;;) {
      // A loop is faster than the expression up to about this length.
      const near = next + 32;
      let char = this.#text.charCodeAt(next);
      while (next < near && char !== quote && char !== backslash && char >= 0x20) char = this.#text.charCodeAt(++next);
      if (next === near) {
        plain.lastIndex = next;
        plain.test(this.#text);
        next = plain.lastIndex;
        char = this.#text.charCodeAt(next);
      }
      if (char === quote) return next + 1;
      if (char !== backslash) throw this.#broken(next);
      escapeSequence.lastIndex = next;
      if (!escapeSequence.test(this.#text)) throw this.#broken(next);
      next = escapeSequence.lastIndex;
    }
  }

  #number(at: number): number {
    let next = this.#text.charCodeAt(at) === minus ? at + 1 : at;
    next = this.#text.charCodeAt(next) === zero ? next + 1 : this.#digits(next);
    if (this.#text.charCodeAt(next) === dot) next = this.#digits(next + 1);
    if ((this.#text.charCodeAt(next) | 0x20) === letterE) {
      const sign = this.#text.charCodeAt(next + 1);
      next = this.#digits(sign === minus || sign === plus ? next + 2 : next + 1);
    }
    return next;
  }

  /** At least one. */
  #digits(at: number): number {
    let next = at;
    while (isDigit(this.#text.charCodeAt(next))) next++;
    if (next === at) throw this.#broken(at);
    return next;
  }

  #enter(): void {
    if (++this.#depth > this.#maxDepth) throw new RangeError(`nested deeper than ${this.#maxDepth} levels`);
  }

  #leave(at: number): number {
    this.#depth--;
    return at + 1;
  }

  #broken(at: number): SyntaxError {
    return new SyntaxError(at < this.#text.length ? `unexpected character at ${at}` : "it ends too early");
  }
}

function isDigit(char: number): boolean {
  return char >= zero && char <= 0x39;
}

const words = ["true", "false", "null"];
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON allows none in strings
const plain = /[^"\\\u0000-\u001f]*/y;
const escapeSequence = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const quote = 0x22;
const plus = 0x2b;
const comma = 0x2c;
const minus = 0x2d;
const dot = 0x2e;
const zero = 0x30;
const colon = 0x3a;
const openBracket = 0x5b;
const backslash = 0x5c;
const closeBracket = 0x5d;
const letterE = 0x65;
const openBrace = 0x7b;
const closeBrace = 0x7d;
