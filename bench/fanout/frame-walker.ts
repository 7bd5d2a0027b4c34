const textFrame = 1;
const pingFrame = 9;

/** What a walk over a piece met. */
export interface Walked {
  readonly textFrames: number;
  readonly pings: number;
}

/**
 * Walks over the frames that a server sends, from header to header (RFC 6455 §5.2), without looking at what is in them:
 * cheap enough not to be what is measured. Takes the bytes in whatever pieces they come.
 */
export class FrameWalker {
  /** Bytes of the current frame that are still to come. */
  #toSkip = 0;
  /** A header that a piece broke off in, 10 bytes at most. */
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

/** How long a header is, as far as its first bytes tell. A server does not mask. */
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
