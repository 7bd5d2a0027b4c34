import { headerBytes } from "./frame.ts";

const nothing = Buffer.alloc(0);

/**
 * Reassembles frames from a stream that may be split anywhere.
 *
 * Invariant: it holds either part of a header, or part of a text, or nothing.
 */
export class FrameReader {
  /** The longest accepted text, in bytes. */
  maxBytes: number;
  readonly #onText: (text: string) => void;
  readonly #header = Buffer.alloc(headerBytes);
  #headerHeld = 0;
  #text = nothing;
  #textHeld = 0;
  #isStopped = false;

  constructor(maxBytes: number, onText: (text: string) => void) {
    this.maxBytes = maxBytes;
    this.#onText = onText;
  }

  /** @throws RangeError if a frame is too long; also what `onText` throws. The reader must not be used after that. */
  push(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length && !this.#isStopped) {
      if (this.#textHeld < this.#text.length) at = this.#continueText(bytes, at);
      else at = this.#readHeader(bytes, at);
    }
  }

  /** Delivers no more texts, not even from the bytes being pushed. */
  stop(): void {
    this.#isStopped = true;
  }

  #readHeader(bytes: Buffer, from: number): number {
    let at = from;
    let length: number;
    if (this.#headerHeld === 0 && bytes.length - at >= headerBytes) {
      length = bytes.readUInt32BE(at);
      at += headerBytes;
    } else {
      const end = at + headerBytes - this.#headerHeld;
      this.#headerHeld += bytes.copy(this.#header, this.#headerHeld, at, end);
      if (this.#headerHeld < headerBytes) return bytes.length;
      this.#headerHeld = 0;
      length = this.#header.readUInt32BE(0);
      at = end;
    }
    if (length > this.maxBytes) throw new RangeError(`a frame of ${length} bytes, expected at most ${this.maxBytes}`);
    if (bytes.length - at < length) {
      this.#text = Buffer.allocUnsafe(length); // full size at once: growing it with each piece would copy it each time
      this.#textHeld = 0;
      return at;
    }
    this.#onText(bytes.toString("utf8", at, at + length));
    return at + length;
  }

  #continueText(bytes: Buffer, at: number): number {
    const taken = bytes.copy(this.#text, this.#textHeld, at);
    this.#textHeld += taken;
    if (this.#textHeld === this.#text.length) {
      const text = this.#text.toString("utf8");
      this.#text = nothing;
      this.#textHeld = 0;
      this.#onText(text);
    }
    return at + taken;
  }
}
