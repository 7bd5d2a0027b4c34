import { type Frame, headerBytes } from "./frame.ts";

/** What an empty outbox holds at least and at most, bytes. */
const minCapacity = 16 * 1024;
const maxIdleCapacity = 1024 * 1024;
/** Up to here room is reserved for the worst case; beyond, measuring the text first is cheaper than the memory. */
const shortText = 64 * 1024;

/** Takes some of the bytes from `from` up to `to`, and says how many. */
export type Write = (bytes: Buffer, from: number, to: number) => number;

/**
 * Frames that wait to be written, one behind the other in one piece of memory, so that many leave in one write.
 *
 * Invariant: what waits lies in `#bytes` from `#from` up to `#to`.
 */
export class Outbox {
  #bytes = Buffer.allocUnsafe(minCapacity);
  #from = 0;
  #to = 0;

  /** Bytes that wait. */
  get size(): number {
    return this.#to - this.#from;
  }

  addText(text: string): void {
    // In UTF-8 a character of a JavaScript string takes 3 bytes at most.
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

  /** One write of all that waits; what was not taken goes on waiting. */
  writeTo(write: Write): void {
    if (this.#to === this.#from) return;
    this.#from += write(this.#bytes, this.#from, this.#to);
    if (this.#from < this.#to) return;
    this.#from = 0;
    this.#to = 0;
    if (this.#bytes.length > maxIdleCapacity) this.#bytes = Buffer.allocUnsafe(minCapacity);
  }

  /** Lets go of all that waits. */
  clear(): void {
    this.#bytes = Buffer.allocUnsafe(0);
    this.#from = 0;
    this.#to = 0;
  }

  #reserve(length: number): void {
    if (this.#bytes.length - this.#to >= length) return;
    const needed = this.size + length;
    // Moved to the front only where half of it is free, so that a long queue is not moved again and again.
    const isMoved = needed <= this.#bytes.length && this.#from * 2 >= this.#bytes.length;
    const target = isMoved ? this.#bytes : Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2, minCapacity));
    this.#bytes.copy(target, 0, this.#from, this.#to);
    this.#to = this.size;
    this.#from = 0;
    this.#bytes = target;
  }
}
