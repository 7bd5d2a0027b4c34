/** Above this a socket counts as full: one more chunk keeps a slow line busy until the next turn. */
export const fullBytes = 64 * 1024;
/** Room for answers and notices behind the largest write. */
const frameBytes = 1024 * 1024;
/** A control character of one byte is six in JSON. */
const escapedBytes = 6;

/** What may wait in one socket. */
export interface WriteLimits {
  /** Above this nothing more is taken: the largest single write, and frames behind it. */
  readonly refuseBytes: number;
  /** The engine drops frames without a word above this, so it lies beyond all that is ever written. */
  readonly engineBytes: number;
}

/** @param maxMessageBytes of one publication's message and data */
export function writeLimits(maxMessageBytes: number): WriteLimits {
  const refuseBytes = frameBytes + escapedBytes * maxMessageBytes;
  return { refuseBytes, engineBytes: 2 * refuseBytes };
}
