import { JsonCheck, type MemberReader } from "./json-check.ts";
import type { KnownFields } from "./known-fields.ts";
import { limits } from "./limits.ts";

/** Where an object keeps the names of fields that are not known. */
export const unknownFields = Symbol("unknownFields");

/** More unknown names are not kept. */
const maxUnknown = 100;
/** A longer name is unknown, even if each of its characters is an escape of six. */
const maxNameLength = 6 * 32;
const plainName = /^"[\x20-\x5b\x5d-\x7e]*"$/;
const unicodeEscape = /\\u([0-9a-f]{4})/gi;
const openBrace = 0x7b;
const openBracket = 0x5b;

/**
 * Parses an object, or an array of objects, but only their known fields, so that names and texts that a sender can choose
 * freely never reach the engine's tables (see JsonCheck):
 *
 * - The value of a `text` field is its JSON text.
 * - An unknown field is replaced by the field `""`, and its name is under `unknownFields`.
 * - Of an object in a `value` field, 16 members with plain names remain, of an array in a `list` field 1000 elements, and of
 *   other arrays none. Removed items are replaced by empty ones, so that their positions can still be counted.
 * - An element that is not an object is replaced in the same way.
 *
 * @param maxDepth levels of arrays and objects
 * @throws SyntaxError, or RangeError if it is nested too deep
 */
export function parseKnownFields(text: string, known: KnownFields, maxDepth: number): unknown {
  return new KnownFieldsParser(text, known, maxDepth).parse();
}

class KnownFieldsParser implements MemberReader {
  readonly #text: string;
  readonly #check: JsonCheck;
  /** The fields of the object that is being read. */
  #known: KnownFields;
  /** The parts of the text that is parsed in the end, up to `#copied`; undefined while nothing was replaced. */
  #parts: string[] | undefined;
  #copied = 0;
  /** The values of `text` fields. */
  #texts: string[] | undefined;
  /** The unknown fields of the object that is being read. Made for the first one. */
  #unknown: UnknownFields | undefined;
  /** Those of the elements of an array, or of the one object. */
  #found: Map<number, UnknownFields> | undefined;

  constructor(text: string, known: KnownFields, maxDepth: number) {
    this.#text = text;
    this.#known = known;
    this.#check = new JsonCheck(text, maxDepth);
  }

  parse(): unknown {
    const known = this.#known;
    let index = 0;
    const start = this.#check.skipSpace(0);
    const first = this.#charAt(start);
    if (first === openBracket) this.#check.end(this.#check.array(start, (at) => this.#element(at, known, index++)));
    else this.#check.end(first === openBrace ? this.#element(start, known, 0) : this.#check.value(start));
    const value: unknown = JSON.parse(this.#parsedText());
    if (!Array.isArray(value)) this.#finish(value, known, this.#found?.get(0));
    else for (let at = 0; at < value.length; at++) this.#finish(value[at], known, this.#found?.get(at));
    return value;
  }

  #finish(value: unknown, known: KnownFields, unknown: UnknownFields | undefined): void {
    if (typeof value !== "object" || value === null) return;
    const object = value as Record<string, unknown>;
    if (typeof object.data === "number") object.data = this.#texts?.[object.data];
    if (unknown !== undefined && unknown.names.length > 0) Object.assign(object, { [unknownFields]: unknown.names });
    for (const [name, fields] of known.inner) this.#finish(object[name], fields, unknown?.inner.get(name));
  }

  #element(at: number, known: KnownFields, index: number): number {
    if (this.#charAt(at) !== openBrace) {
      const end = this.#check.value(at);
      this.#replace(at, end, this.#emptyOf(at));
      return end;
    }
    this.#unknown = undefined;
    const end = this.#object(at, known);
    if (this.#unknown !== undefined) {
      this.#found ??= new Map();
      this.#found.set(index, this.#unknown);
    }
    return end;
  }

  #object(at: number, known: KnownFields): number {
    const outer = this.#known;
    this.#known = known;
    const end = this.#check.object(at, this);
    this.#known = outer;
    return end;
  }

  /** A member of an object with known fields. */
  readMember(nameStart: number, nameEnd: number, valueAt: number): number {
    const field = this.#fieldOf(nameStart + 1, nameEnd - 1);
    const kind = field?.kind;
    if (kind === "value") return this.#value(valueAt); // the most frequent one first
    if (kind === "list" && this.#charAt(valueAt) === openBracket) return this.#list(valueAt);
    if (field !== undefined && typeof kind === "object" && this.#charAt(valueAt) === openBrace) {
      return this.#inner(field.name, kind, valueAt);
    }
    if (kind !== undefined && kind !== "text") return this.#value(valueAt); // not what it should be: the error shows it
    const end = this.#check.value(valueAt);
    if (kind === "text") this.#keepText(valueAt, end);
    else {
      this.#unknown ??= new UnknownFields();
      this.#unknown.note(this.#text.slice(nameStart + 1, nameEnd - 1));
      this.#replace(nameStart, end, '"":0');
    }
    return end;
  }

  /** The object that is the value of a known field. */
  #inner(name: string, known: KnownFields, at: number): number {
    const outer = this.#unknown ?? new UnknownFields();
    this.#unknown = undefined;
    const end = this.#object(at, known);
    // Set even if it has no unknown fields: of a repeated field, the last one counts.
    outer.inner.set(name, this.#unknown);
    this.#unknown = outer;
    return end;
  }

  /** The value of a known field. */
  #value(at: number): number {
    let count = 0;
    if (this.#charAt(at) === openBrace) {
      const readMember: MemberReader["readMember"] = (nameStart, nameEnd, valueAt) => {
        const end = this.#check.value(valueAt);
        const isKept =
          ++count <= limits.headers &&
          this.#isFlat(valueAt) &&
          nameEnd - nameStart <= limits.headerLength &&
          plainName.test(this.#text.slice(nameStart, nameEnd));
        if (!isKept) this.#replace(nameStart, end, '"":0');
        return end;
      };
      return this.#check.object(at, { readMember });
    }
    const end = this.#check.value(at);
    if (this.#charAt(at) === openBracket) this.#replace(at, end, "[]");
    return end;
  }

  #list(at: number): number {
    let count = 0;
    return this.#check.array(at, (start) => {
      const end = this.#check.value(start);
      if (++count > limits.publishTargets || !this.#isFlat(start)) this.#replace(start, end, this.#emptyOf(start));
      return end;
    });
  }

  #isFlat(at: number): boolean {
    return this.#charAt(at) !== openBrace && this.#charAt(at) !== openBracket;
  }

  /** A value of the same kind, or 0. */
  #emptyOf(at: number): string {
    return this.#charAt(at) === openBrace ? "{}" : this.#charAt(at) === openBracket ? "[]" : "0";
  }

  #charAt(at: number): number {
    return this.#text.charCodeAt(at);
  }

  #fieldOf(start: number, end: number) {
    const found = this.#known.find(this.#text, start, end);
    if (found !== undefined || end - start > maxNameLength) return found;
    const name = this.#text.slice(start, end);
    if (!name.includes("\\u")) return undefined;
    const unescaped = withoutUnicodeEscapes(name);
    return this.#known.find(unescaped, 0, unescaped.length);
  }

  /** Until `finish`, its value is the place of the text among all texts. */
  #keepText(from: number, to: number): void {
    this.#texts ??= [];
    this.#replace(from, to, `${this.#texts.push(this.#text.slice(from, to)) - 1}`);
  }

  #replace(from: number, to: number, by: string): void {
    this.#parts ??= [];
    this.#parts.push(this.#text.slice(this.#copied, from), by);
    this.#copied = to;
  }

  #parsedText(): string {
    if (this.#parts === undefined) return this.#text;
    this.#parts.push(this.#text.slice(this.#copied));
    return this.#parts.join("");
  }
}

/** The unknown fields of one object. */
class UnknownFields {
  readonly names: string[] = [];
  /** Those of the objects inside. */
  readonly inner = new Map<string, UnknownFields | undefined>();

  /** @param name as JSON, without its quotes */
  note(name: string): void {
    if (this.names.length < maxUnknown) this.names.push(withoutUnicodeEscapes(name));
  }
}

/** Not with `JSON.parse`, which would put the name into the engine's table. */
function withoutUnicodeEscapes(name: string): string {
  return name.replace(unicodeEscape, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
