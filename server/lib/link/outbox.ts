import type { FieldWriter } from "./field-writer.ts";
import { type Frame, fieldsFlag, headerBytes } from "./frame.ts";

/** The minimum capacity of the buffer, and the maximum that is kept when it is empty. Bytes. */
const minCapacity = 16 * 1024;
const maxIdleCapacity = 1024 * 1024;
/** Up to this length, the worst case is reserved. For longer texts, measuring first is cheaper than the memory. */
const shortText = 64 * 1024;
/** Up to this length, a loop writes ASCII faster than a call of the engine does. */
const shortAscii = 48;

/** Writes bytes from `from` up to `to`. @returns how many were accepted */
export type Write = (bytes: Buffer, from: number, to: number) => number;

/**
 * Frames to be written, contiguous in memory, so that many are sent in one write.
 *
 * Invariant: the pending bytes are `#bytes` from `#from` up to `#to`. From there up to `#at` is an incomplete frame.
 */
export class Outbox implements FieldWriter {
  #bytes = Buffer.allocUnsafe(minCapacity);
  #from = 0;
  #to = 0;
  #at = 0;

  /** Pending bytes. */
  get size(): number {
    return this.#to - this.#from;
  }

  addText(text: string): void {
    this.#at = this.#to;
    this.#reserve(headerBytes + maxLength(text));
    this.#at += headerBytes;
    this.#write(text);
    this.#bytes.writeUInt32BE(this.#at - this.#to - headerBytes, this.#to);
    this.#to = this.#at;
  }

  addFrame(frame: Frame): void {
    this.#at = this.#to;
    this.#reserve(frame.length);
    this.#bytes.set(frame, this.#at);
    this.#at += frame.length;
    this.#to = this.#at;
  }

  /** Starts a frame with fields. It is pending once `end` is called; a frame that was not ended is dropped. */
  begin(): FieldWriter {
    this.#at = this.#to;
    this.#reserve(headerBytes);
    this.#at += headerBytes;
    return this;
  }

  end(): void {
    this.#bytes.writeUInt32BE(fieldsFlag + this.#at - this.#to - headerBytes, this.#to);
    this.#to = this.#at;
  }

  number(value: number): void {
    this.#reserve(8);
    this.#bytes.writeDoubleBE(value, this.#at);
    this.#at += 8;
  }

  text(text: string): void {
    this.#reserve(4 + maxLength(text));
    const lengthAt = this.#at;
    this.#at += 4;
    this.#write(text);
    this.#bytes.writeUInt32BE(this.#at - lengthAt - 4, lengthAt);
  }

  texts(texts: readonly string[]): void {
    let length = 4 * texts.length;
    for (const text of texts) length += maxLength(text);
    this.#reserve(length);
    let lengthAt = this.#at;
    this.#at += 4 * texts.length;
    for (const text of texts) {
      const from = this.#at;
      this.#write(text);
      this.#bytes.writeUInt32BE(this.#at - from, lengthAt);
      lengthAt += 4;
    }
  }

  /** Writes everything pending at once; bytes that are not accepted stay pending. */
  writeTo(write: Write): void {
    if (this.#to === this.#from) return;
    this.#from += write(this.#bytes, this.#from, this.#to);
    if (this.#from === this.#to) this.#reset();
  }

  /** Takes everything pending. @returns bytes that are valid until the next call */
  take(): Frame {
    const taken = this.#bytes.subarray(this.#from, this.#to);
    this.#reset();
    return taken;
  }

  /** Drops everything pending. */
  clear(): void {
    this.#bytes = Buffer.allocUnsafe(0);
    this.#reset();
  }

  #reset(): void {
    this.#from = 0;
    this.#to = 0;
    if (this.#bytes.length > maxIdleCapacity) this.#bytes = Buffer.allocUnsafe(minCapacity);
  }

  /** Writes a text for which there is room. */
  #write(text: string): void {
    const { length } = text;
    const bytes = this.#bytes;
    const from = this.#at;
    let written = 0;
    if (length <= shortAscii) {
      for (; written < length; written++) {
        const code = text.charCodeAt(written);
        if (code > 0x7f) break;
        bytes[from + written] = code;
      }
    }
    if (written < length) written = bytes.write(text, from);
    this.#at = from + written;
  }

  #reserve(length: number): void {
    if (this.#bytes.length - this.#at < length) this.#grow(length);
  }

  #grow(length: number): void {
    const held = this.#at - this.#from;
    const needed = held + length;
    // Moved to the front only if half of the buffer is free, so that a long queue is not moved repeatedly.
    const isMoved = needed <= this.#bytes.length && this.#from * 2 >= this.#bytes.length;
    const target = isMoved ? this.#bytes : Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2, minCapacity));
    this.#bytes.copy(target, 0, this.#from, this.#at);
    this.#at = held;
    this.#to -= this.#from;
    this.#from = 0;
    this.#bytes = target;
  }
}

/** In UTF-8 a code unit of a JavaScript string takes at most 3 bytes. */
function maxLength(text: string): number {
  return text.length <= shortText ? text.length * 3 : Buffer.byteLength(text);
}
