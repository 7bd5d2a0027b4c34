/** An encoded frame: its header in 4 bytes, then a text or fields. Encoded once, it can be sent to many links. */
export type Frame = Buffer;

/** The header of a frame: the length of the content in bytes, unsigned, big-endian, with `fieldsFlag` if it is fields. */
export const headerBytes = 4;

/** Longer frames are a bug of the sender. */
export const maxFrameBytes = 1024 * 1024 * 1024;

/** Set in the header of a frame with fields. No length reaches it. */
export const fieldsFlag = 2 ** 31;

export function encodeFrame(text: string): Frame {
  const length = Buffer.byteLength(text);
  const frame = Buffer.allocUnsafe(headerBytes + length);
  frame.writeUInt32BE(length, 0);
  frame.write(text, headerBytes);
  return frame;
}
