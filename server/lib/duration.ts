const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
type Unit = keyof typeof units;

const pattern = /^([0-9]{1,12}(?:\.[0-9]{1,9})?) ?(ms|s|m|h|d)?$/;

/**
 * Parses a duration to milliseconds: seconds as a number (`5`, `0.5`) or as text, or text with a unit (`250ms`, `5s`, `2m`,
 * `1h`, `7d`). Undefined for anything else, including negative durations.
 */
export function parseDuration(value: unknown): number | undefined {
  const [, amount = "", unit = "s"] = pattern.exec(typeof value === "number" ? String(value) : text(value)) ?? [];
  if (amount === "" || !isUnit(unit)) return undefined;
  const exact = Number(amount) * units[unit];
  const ms = Math.round(exact);
  // 0 often means "off", so a duration that rounds to 0 is refused.
  return ms === 0 && exact > 0 ? undefined : ms;
}

/** The shortest exact notation: 1 800 000 is `30m`, 1500 is `1500ms`, 0 is `0`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return "0";
  const unit = (["d", "h", "m", "s"] as const).find((it) => ms % units[it] === 0) ?? "ms";
  return `${ms / units[unit]}${unit}`;
}

function text(value: unknown): string {
  return typeof value === "string" ? value.trim() : "";
}

function isUnit(word: string): word is Unit {
  return word in units;
}
