/** A number from 0 to 1, without 1. */
type Random = () => number;

/** One way to damage a file. */
export interface Damage {
  readonly name: string;
  /** @returns the damaged bytes: a new array, or the same array, changed */
  apply(bytes: Uint8Array, random: Random): Uint8Array;
}

const pageBytes = 4096;

/** Damage that disks, copies and programs cause. */
export const damages: readonly Damage[] = [
  { name: "one bit", apply: (bytes, random) => flip(bytes, random, 1) },
  { name: "eight bits", apply: (bytes, random) => flip(bytes, random, 8) },
  { name: "a page of noise", apply: (bytes, random) => fillPage(bytes, random, () => Math.floor(random() * 256)) },
  { name: "a page of zeros", apply: (bytes, random) => fillPage(bytes, random, () => 0) },
  { name: "cut", apply: (bytes, random) => bytes.slice(0, Math.floor(random() * bytes.length)) },
  {
    name: "cut at a page",
    apply: (bytes, random) => bytes.slice(0, Math.floor((random() * bytes.length) / pageBytes) * pageBytes),
  },
  { name: "one page over another", apply: copyPage },
  { name: "some bytes of noise", apply: scribble },
];

function flip(bytes: Uint8Array, random: Random, count: number): Uint8Array {
  for (let flipped = 0; flipped < count; flipped++) {
    const at = Math.floor(random() * bytes.length);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << Math.floor(random() * 8));
  }
  return bytes;
}

function fillPage(bytes: Uint8Array, random: Random, byte: () => number): Uint8Array {
  const start = pageStart(bytes, random);
  for (let at = start; at < Math.min(start + pageBytes, bytes.length); at++) bytes[at] = byte();
  return bytes;
}

function copyPage(bytes: Uint8Array, random: Random): Uint8Array {
  const from = pageStart(bytes, random);
  bytes.set(
    bytes.slice(from, from + pageBytes).slice(0, bytes.length),
    0 + clampStart(bytes, pageStart(bytes, random)),
  );
  return bytes;
}

/** The start of a block, chosen so that a whole page fits. */
function clampStart(bytes: Uint8Array, start: number): number {
  return Math.max(0, Math.min(start, bytes.length - pageBytes));
}

function scribble(bytes: Uint8Array, random: Random): Uint8Array {
  const start = Math.floor(random() * bytes.length);
  const length = 1 + Math.floor(random() * 64);
  for (let at = start; at < Math.min(start + length, bytes.length); at++) bytes[at] = Math.floor(random() * 256);
  return bytes;
}

function pageStart(bytes: Uint8Array, random: Random): number {
  return Math.floor((random() * bytes.length) / pageBytes) * pageBytes;
}
