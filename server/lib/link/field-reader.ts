import { ownText } from "../own-text.ts";

const nothing: Buffer = Buffer.alloc(0);
/** Texts to recognize, and the longest of them, in bytes: 32 KB at most. */
const maxKnown = 256;
const maxKnownBytes = 128;

/**
 * Decodes the fields of a frame, in the order in which a `FieldWriter` wrote them. It does not check them.
 *
 * Texts that many frames have in common are not decoded again: a call of the engine's decoder takes 60 ns.
 */
export class FieldReader {
  #bytes = nothing;
  #at = 0;
  /** By a hash of their bytes. All are ASCII. */
  readonly #known: string[] = new Array<string>(maxKnown).fill("");

  /** Starts a frame. */
  open(bytes: Buffer, from: number): void {
    this.#bytes = bytes;
    this.#at = from;
  }

  /** Ends the frame, so that its bytes are not kept in memory. */
  close(): void {
    this.#bytes = nothing;
  }

  number(): number {
    const value = this.#bytes.readDoubleBE(this.#at);
    this.#at += 8;
    return value;
  }

  /** A text that shares no memory with others. */
  text(): string {
    return this.#ownText(this.#length());
  }

  /** A text that many frames have in common, such as a name. It shares no memory with others. */
  knownText(): string {
    const length = this.#length();
    if (length > maxKnownBytes) return this.#ownText(length);
    const bytes = this.#bytes;
    const from = this.#at;
    let hash = 0;
    for (let at = from; at < from + length; at++) hash = (31 * hash + (bytes[at] ?? 0)) | 0;
    const slot = hash & (maxKnown - 1);
    const known = this.#known[slot] ?? "";
    if (this.#isNext(known, length)) {
      this.#at = from + length;
      return known;
    }
    const text = this.#ownText(length);
    if (text.length === length) this.#known[slot] = text;
    return text;
  }

  /** Texts that may be views of one text: each keeps the memory of all. */
  texts(count: number): readonly string[] {
    const texts: string[] = [];
    let lengthAt = this.#at;
    const from = lengthAt + 4 * count;
    let to = from;
    for (let n = 0; n < count; n++) to += this.#bytes.readUInt32BE(lengthAt + 4 * n);
    const all = this.#bytes.toString("utf8", from, to);
    if (all.length !== to - from) return this.ownTexts(count);
    this.#at = to;
    for (let n = 0, at = 0; n < count; n++) {
      const length = this.#bytes.readUInt32BE(lengthAt);
      texts.push(all.slice(at, at + length));
      lengthAt += 4;
      at += length;
    }
    return texts;
  }

  /** Texts that share no memory. */
  ownTexts(count: number): readonly string[] {
    const texts: string[] = [];
    let lengthAt = this.#at;
    this.#at += 4 * count;
    for (let n = 0; n < count; n++) {
      texts.push(this.#ownText(this.#bytes.readUInt32BE(lengthAt)));
      lengthAt += 4;
    }
    return texts;
  }

  #length(): number {
    const length = this.#bytes.readUInt32BE(this.#at);
    this.#at += 4;
    return length;
  }

  #isNext(known: string, length: number): boolean {
    if (known.length !== length) return false;
    const bytes = this.#bytes;
    for (let n = 0; n < length; n++) {
      if (known.charCodeAt(n) !== bytes[this.#at + n]) return false;
    }
    return true;
  }

  #ownText(length: number): string {
    if (length === 0) return "";
    const from = this.#at;
    this.#at += length;
    const text = this.#bytes.toString("utf8", from, from + length);
    return text.length === length ? text : ownText(text); // the decoder uses two bytes per character for é, too
  }
}
