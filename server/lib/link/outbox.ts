import { type Frame, headerBytes } from "./frame.ts";

/** The minimum capacity of the buffer, and the maximum that is kept when it is empty. Bytes. */
const minCapacity = 16 * 1024;
const maxIdleCapacity = 1024 * 1024;
/** Up to this length, the worst case is reserved. For longer texts, measuring first is cheaper than the memory. */
const shortText = 64 * 1024;

/** Writes bytes from `from` up to `to`. @returns how many were accepted */
export type Write = (bytes: Buffer, from: number, to: number) => number;

/**
 * Frames to be written, contiguous in memory, so that many are sent in one write.
 *
 * Invariant: the pending bytes are `#bytes` from `#from` up to `#to`.
 */
export class Outbox {
  #bytes = Buffer.allocUnsafe(minCapacity);
  #from = 0;
  #to = 0;

  /** Pending bytes. */
  get size(): number {
    return this.#to - this.#from;
  }

  addText(text: string): void {
    // In UTF-8 a code unit of a JavaScript string takes at most 3 bytes.
    this.#reserve(headerBytes + (text.length <= shortText ? text.length * 3 : Buffer.byteLength(text)));
    const length = this.#bytes.write(text, this.#to + headerBytes);
    this.#bytes.writeUInt32BE(length, this.#to);
    this.#to += headerBytes + length;
  }

  addFrame(frame: Frame): void {
    this.#reserve(frame.length);
    this.#bytes.set(frame, this.#to);
    this.#to += frame.length;
  }

  /** Writes everything pending at once; what is not accepted stays pending. */
  writeTo(write: Write): void {
    if (this.#to === this.#from) return;
    this.#from += write(this.#bytes, this.#from, this.#to);
    if (this.#from < this.#to) return;
    this.#from = 0;
    this.#to = 0;
    if (this.#bytes.length > maxIdleCapacity) this.#bytes = Buffer.allocUnsafe(minCapacity);
  }

  /** Drops everything pending. */
  clear(): void {
    this.#bytes = Buffer.allocUnsafe(0);
    this.#from = 0;
    this.#to = 0;
  }

  #reserve(length: number): void {
    if (this.#bytes.length - this.#to >= length) return;
    const needed = this.size + length;
    // Moved to the front only if half of the buffer is free, so that a long queue is not moved repeatedly.
    const isMoved = needed <= this.#bytes.length && this.#from * 2 >= this.#bytes.length;
    const target = isMoved ? this.#bytes : Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2, minCapacity));
    this.#bytes.copy(target, 0, this.#from, this.#to);
    this.#to = this.size;
    this.#from = 0;
    this.#bytes = target;
  }
}
