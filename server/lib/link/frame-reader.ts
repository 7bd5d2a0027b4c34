import { fieldsFlag, headerBytes } from "./frame.ts";

const nothing: Buffer = Buffer.alloc(0);

/** Takes the content of a frame: these bytes from `from` up to `to`, which are valid only during the call. */
export type OnFrame = (bytes: Buffer, from: number, to: number, hasFields: boolean) => void;

/**
 * Reassembles frames from a stream that may be split anywhere.
 *
 * Invariant: it holds either part of a header, or part of a frame, or nothing.
 */
export class FrameReader {
  /** The longest accepted frame, in bytes. */
  maxBytes: number;
  readonly #onFrame: OnFrame;
  readonly #header = Buffer.alloc(headerBytes);
  #headerHeld = 0;
  #frame = nothing;
  #frameHeld = 0;
  #hasFields = false;
  #isStopped = false;

  constructor(maxBytes: number, onFrame: OnFrame) {
    this.maxBytes = maxBytes;
    this.#onFrame = onFrame;
  }

  /** @throws RangeError if a frame is too long; also errors of `onFrame`. The reader must not be used after that. */
  push(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length && !this.#isStopped) {
      if (this.#frameHeld < this.#frame.length) at = this.#continueFrame(bytes, at);
      else at = this.#readHeader(bytes, at);
    }
  }

  /** Delivers no more frames, not even from the bytes being pushed. */
  stop(): void {
    this.#isStopped = true;
  }

  #readHeader(bytes: Buffer, from: number): number {
    let at = from;
    let header: number;
    if (this.#headerHeld === 0 && bytes.length - at >= headerBytes) {
      header = bytes.readUInt32BE(at);
      at += headerBytes;
    } else {
      const end = at + headerBytes - this.#headerHeld;
      this.#headerHeld += bytes.copy(this.#header, this.#headerHeld, at, end);
      if (this.#headerHeld < headerBytes) return bytes.length;
      this.#headerHeld = 0;
      header = this.#header.readUInt32BE(0);
      at = end;
    }
    const hasFields = header >= fieldsFlag;
    const length = hasFields ? header - fieldsFlag : header;
    if (length > this.maxBytes) throw new RangeError(`a frame of ${length} bytes, expected at most ${this.maxBytes}`);
    if (bytes.length - at < length) {
      this.#frame = Buffer.allocUnsafe(length); // full size at once: growing it with each piece would copy it each time
      this.#frameHeld = 0;
      this.#hasFields = hasFields;
      return at;
    }
    this.#onFrame(bytes, at, at + length, hasFields);
    return at + length;
  }

  #continueFrame(bytes: Buffer, at: number): number {
    const taken = bytes.copy(this.#frame, this.#frameHeld, at);
    this.#frameHeld += taken;
    if (this.#frameHeld === this.#frame.length) {
      const frame = this.#frame;
      this.#frame = nothing;
      this.#frameHeld = 0;
      this.#onFrame(frame, 0, frame.length, this.#hasFields);
    }
    return at + taken;
  }
}
