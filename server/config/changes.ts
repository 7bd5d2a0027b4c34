import { type Option, settingKey } from "../lib/option.ts";
import { declarations } from "./options.ts";
import type { Settings } from "./settings.ts";

/** Longer values are not shown: a line of the log should stay one line. */
const maxShown = 60;

/** The differences between two settings, for the log: `MESSAGE_RATE 50 → 20`. Secrets are only named. */
export function changedSettings(before: Settings, after: Settings): readonly string[] {
  const [old, now] = [
    new Map<string, unknown>(Object.entries(before)),
    new Map<string, unknown>(Object.entries(after)),
  ];
  const changed = declarations.flatMap(({ key, name, option }) => {
    const own = settingKey(key, option);
    if (isSame(old.get(own), now.get(own))) return [];
    return [
      option.isSecret ? `${name} (secret)` : `${name} ${shown(option, old.get(own))} → ${shown(option, now.get(own))}`,
    ];
  });
  const lists = { channels: [before.channelRules, after.channelRules], schedules: [before.schedules, after.schedules] };
  for (const [name, [a, b]] of Object.entries(lists)) if (!isSame(a, b)) changed.push(name);
  return changed;
}

function isSame(a: unknown, b: unknown): boolean {
  return Object.is(a, b) || Bun.deepEquals(a, b);
}

function shown(option: Option<unknown>, value: unknown): string {
  const text = value === undefined ? "-" : option.format(value) || "-";
  return text.length > maxShown ? "…" : text;
}
