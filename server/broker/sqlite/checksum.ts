/**
 * The checksum of what stands in a row: CRC-32 as in zlib, over the values as text, a line each. It finds every damage of up
 * to 32 neighbouring bits, and any other with a chance of 1 in 4 billion to be missed.
 * @param values none of them with a line break but the last
 */
export function checksumOf(...values: readonly (string | number | null)[]): number {
  return Bun.hash.crc32(values.join("\n"));
}
