/** A text as it travels: 4 bytes that say how long it is, then the text itself. Made once, it can go to many. */
export type Frame = Buffer;

/** What stands before each text: its length in bytes, as an unsigned number, the highest byte first. */
export const headerBytes = 4;

/** More in one frame is a fault of whoever sends it. */
export const maxFrameBytes = 1024 * 1024 * 1024;

export function encodeFrame(text: string): Frame {
  const length = Buffer.byteLength(text);
  const frame = Buffer.allocUnsafe(headerBytes + length);
  frame.writeUInt32BE(length, 0);
  frame.write(text, headerBytes);
  return frame;
}
