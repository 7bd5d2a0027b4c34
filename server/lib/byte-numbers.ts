/**
 * Numbers in an array of bytes, the least significant byte first. A `DataView` would be another object for each array, and the
 * methods of `Buffer` make one.
 */
export function writeUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

export function readUint32(bytes: Uint8Array, at: number): number {
  const low = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
  return (low | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24)) >>> 0;
}

export function writeFloat64(bytes: Uint8Array, at: number, value: number): void {
  float[0] = value;
  for (let index = 0; index < floatBytes.length; index++) bytes[at + index] = floatBytes[index] ?? 0;
}

export function readFloat64(bytes: Uint8Array, at: number): number {
  for (let index = 0; index < floatBytes.length; index++) floatBytes[index] = bytes[at + index] ?? 0;
  return float[0] ?? 0;
}

/** The same bytes as a number. */
const float = new Float64Array(1);
const floatBytes = new Uint8Array(float.buffer);
