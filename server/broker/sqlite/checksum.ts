/**
 * The checksum of a text: CRC-32 as in zlib, over its UTF-8. It finds every damage of up to 32 neighbouring bits, and any other
 * with a chance of 1 in 4 billion to be missed.
 */
export function checksumOf(text: string): number {
  return Bun.hash.crc32(text);
}

/** The same for several values, none of them with a line break but the last. */
export function checksumOfAll(...values: readonly (string | number | null)[]): number {
  return checksumOf(values.join("\n"));
}

/**
 * The checksum of whole numbers, a tenth of the price: this is done for each publication. Each number is mixed in as two halves
 * of 32 bits, as MurmurHash3 does it; a change of one half always changes the result.
 * @returns a whole number from 0 up to 2^32; NaN for anything that is not a whole number, which is equal to nothing
 */
export function checksumOfNumbers(numbers: readonly number[]): number {
  let hash = 0;
  for (const number of numbers) {
    if (!Number.isSafeInteger(number)) return Number.NaN;
    hash = mixed(mixed(hash, number), number / 2 ** 32);
  }
  return hash >>> 0;
}

function mixed(hash: number, half: number): number {
  let it = Math.imul(half, 0xcc9e2d51);
  it = Math.imul((it << 15) | (it >>> 17), 0x1b873593) ^ hash;
  return (Math.imul((it << 13) | (it >>> 19), 5) + 0xe6546b64) | 0;
}
