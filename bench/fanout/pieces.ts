/** Splits bytes into chunks, like a network. @param lengths of the chunks, in order; at least 1 each */
export function* pieces(bytes: Buffer, lengths: Iterable<number>): Generator<Buffer> {
  let at = 0;
  for (const length of lengths) {
    if (at >= bytes.length) return;
    yield bytes.subarray(at, at + length);
    at += length;
  }
}
