/** Above this a socket counts as full: the buffered bytes keep a slow line busy until the next turn. */
export const fullBytes = 64 * 1024;
/** Room for answers and notices behind the largest write. */
const frameBytes = 1024 * 1024;
/** A control character of one byte takes six in JSON. */
const escapedBytes = 6;

/** Limits for the buffer of one socket. */
export interface WriteLimits {
  /** Above this, nothing more is accepted: the largest single write, and frames after it. */
  readonly refuseBytes: number;
  /** Above this the engine silently drops frames, so it is higher than everything that is ever buffered. */
  readonly engineBytes: number;
}

/** @param maxMessageBytes of one publication's message and data */
export function writeLimits(maxMessageBytes: number): WriteLimits {
  const refuseBytes = frameBytes + escapedBytes * maxMessageBytes;
  return { refuseBytes, engineBytes: 2 * refuseBytes };
}
