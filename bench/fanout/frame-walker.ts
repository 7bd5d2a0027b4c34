const textFrame = 1;
const pingFrame = 9;

/** The frames that were found in a chunk. */
export interface Walked {
  readonly textFrames: number;
  readonly pings: number;
}

/**
 * Counts the frames that a server sends by moving from header to header (RFC 6455 §5.2), without looking at their payloads,
 * so that its own cost does not distort the measurement. The bytes may arrive in any chunks.
 */
export class FrameWalker {
  /** The number of bytes of the current frame that have not arrived yet. */
  #toSkip = 0;
  /** An incomplete header at the end of a chunk, 10 bytes at most. */
  readonly #header = new Uint8Array(10);
  #headerLength = 0;

  walk(piece: Uint8Array): Walked {
    let textFrames = 0;
    let pings = 0;
    let at = 0;
    while (at < piece.length) {
      if (this.#toSkip > 0) {
        const skipped = Math.min(this.#toSkip, piece.length - at);
        this.#toSkip -= skipped;
        at += skipped;
        continue;
      }
      this.#header[this.#headerLength++] = piece[at++] ?? 0;
      if (this.#headerLength < headerBytes(this.#header, this.#headerLength)) continue;
      const opcode = (this.#header[0] ?? 0) & 0x0f;
      if (opcode === textFrame) textFrames++;
      else if (opcode === pingFrame) pings++;
      this.#toSkip = payloadBytes(this.#header);
      this.#headerLength = 0;
    }
    return { textFrames, pings };
  }
}

/** The length of a header, as far as its first bytes determine it. A server does not mask. */
function headerBytes(header: Uint8Array, known: number): number {
  if (known < 2) return 2;
  const length = (header[1] ?? 0) & 0x7f;
  return length === 126 ? 4 : length === 127 ? 10 : 2;
}

function payloadBytes(header: Uint8Array): number {
  const length = (header[1] ?? 0) & 0x7f;
  if (length < 126) return length;
  let bytes = 0;
  for (let at = 2; at < (length === 126 ? 4 : 10); at++) bytes = bytes * 256 + (header[at] ?? 0);
  return bytes;
}
