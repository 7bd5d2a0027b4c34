import { settingKey } from "../lib/option.ts";
import type { Examined, Origin } from "./load.ts";
import { type Declared, declarations } from "./options.ts";

/** One line per setting: name, value and source. Secrets are hidden. */
export function describeSettings({ settings, origins, file }: Examined): string[] {
  const resolved = new Map<string, unknown>(Object.entries(settings));
  const rows = declarations.map((declared) => {
    const origin = origins.get(declared.key);
    const key = settingKey(declared.key, declared.option);
    const value = resolved.has(key) ? resolved.get(key) : origin?.value;
    return [declared.name, describeValue(declared, value), describeOrigin(origin)] as const;
  });
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  const [nameWidth = 0, valueWidth = 0] = widths;
  return [
    `A server with these settings is ${settings.isSecured ? "secured" : "open"}.`,
    "",
    ...rows.map(([name, value, origin]) => `${name.padEnd(nameWidth)}  ${value.padEnd(valueWidth)}  ${origin}`),
    ...settings.channelRules.map(({ place, ...rule }) => `channels  ${JSON.stringify(rule)}  ${place}`),
    ...settings.schedules.map(({ id }) => `schedules  ${id}  ${file ?? ""}`),
  ];
}

/** The same as JSON: complete values in the syntax of settings, without secrets, and the problems. */
export function settingsAsJson({ settings, origins, problems, warnings }: Examined): Readonly<Record<string, unknown>> {
  const resolved = new Map<string, unknown>(Object.entries(settings));
  const rows = declarations.map((declared) => {
    const { key, name, option } = declared;
    const origin = origins.get(key);
    const own = settingKey(key, option);
    const value = (resolved.has(own) ? resolved.get(own) : origin?.value) ?? null;
    const isSet = value !== null && !(Array.isArray(value) && value.length === 0);
    const shown = option.isSecret ? { is_set: isSet } : { value: isSet ? option.format(value) : null };
    return [name, { ...shown, from: describeOrigin(origin) }] as const;
  });
  const { isSecured, channelRules: channels } = settings;
  const schedules = settings.schedules.map(({ id }) => id);
  return { is_secured: isSecured, settings: Object.fromEntries(rows), channels, schedules, problems, warnings };
}

const maxShown = 48;

function describeValue({ option }: Declared, value: unknown): string {
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return "-";
  if (option.isSecret) return "(hidden)";
  const text = option.format(value);
  const line = text === "" || /[\p{Cc}\p{Zl}\p{Zp}]/u.test(text) ? JSON.stringify(text) : text;
  return line.length > maxShown ? `${line.slice(0, maxShown - 1)}…` : line;
}

function describeOrigin(origin: Origin | undefined): string {
  if (origin === undefined || origin.from === "default") {
    return origin?.written === undefined ? "default" : `default (${origin.written})`;
  }
  return origin.from === "environment" ? `${origin.written} in the environment` : (origin.written ?? origin.from);
}
