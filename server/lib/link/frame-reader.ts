import { headerBytes } from "./frame.ts";

const nothing = Buffer.alloc(0);

/**
 * Puts frames together again out of a stream that was cut anywhere.
 *
 * Invariant: either bytes of an unfinished header are held, or an unfinished text, or nothing.
 */
export class FrameReader {
  /** The longest text that is taken, bytes. */
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

  /** @throws RangeError when a frame is longer than it may be; what `onText` throws. Then this reader is of no more use. */
  push(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length && !this.#isStopped) {
      if (this.#textHeld < this.#text.length) at = this.#goOn(bytes, at);
      else at = this.#begin(bytes, at);
    }
  }

  /** No more texts, not even of the bytes that are being pushed. */
  stop(): void {
    this.#isStopped = true;
  }

  #begin(bytes: Buffer, from: number): number {
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
    if (length > this.maxBytes) throw new RangeError(`a frame of ${length} bytes, ${this.maxBytes} at most`);
    if (bytes.length - at < length) {
      this.#text = Buffer.allocUnsafe(length); // whole at once: a buffer that grew with each piece would be copied as often
      this.#textHeld = 0;
      return at;
    }
    this.#onText(bytes.toString("utf8", at, at + length));
    return at + length;
  }

  #goOn(bytes: Buffer, at: number): number {
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
