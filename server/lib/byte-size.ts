const units = {
  b: 1,
  kb: 1000,
  mb: 1_000_000,
  gb: 1_000_000_000,
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
} as const;
type Unit = keyof typeof units;

const pattern = /^([0-9]{1,12}(?:\.[0-9]{1,3})?) ?([kmg]i?b|b)?$/;

/**
 * Parses a number of bytes: a whole number, or text with a unit (`64KiB`, `1MiB`, `500kB`; case-insensitive). Undefined for
 * anything else, and for fractions of a byte.
 */
export function parseByteSize(value: unknown): number | undefined {
  const text = typeof value === "number" ? String(value) : typeof value === "string" ? value.trim() : "";
  const [, amount = "", unit = "b"] = pattern.exec(text.toLowerCase()) ?? [];
  if (amount === "" || !isUnit(unit)) return undefined;
  const bytes = Number(amount) * units[unit];
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** The shortest exact notation: 65 536 is `64KiB`, 1000 is `1000`. */
export function formatByteSize(bytes: number): string {
  if (bytes === 0) return "0";
  const names = { GiB: units.gib, MiB: units.mib, KiB: units.kib };
  const fit = Object.entries(names).find(([, size]) => bytes % size === 0);
  return fit === undefined ? String(bytes) : `${bytes / fit[1]}${fit[0]}`;
}

function isUnit(word: string): word is Unit {
  return word in units;
}
