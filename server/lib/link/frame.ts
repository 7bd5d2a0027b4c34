/** An encoded text: its length in 4 bytes, then the text. Encoded once, it can be sent to many links. */
export type Frame = Buffer;

/** The header of a frame: the length of the text in bytes, unsigned, big-endian. */
export const headerBytes = 4;

/** Longer frames are a bug of the sender. */
export const maxFrameBytes = 1024 * 1024 * 1024;

export function encodeFrame(text: string): Frame {
  const length = Buffer.byteLength(text);
  const frame = Buffer.allocUnsafe(headerBytes + length);
  frame.writeUInt32BE(length, 0);
  frame.write(text, headerBytes);
  return frame;
}
