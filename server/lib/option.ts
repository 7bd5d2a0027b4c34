import { formatByteSize, parseByteSize } from "./byte-size.ts";
import { formatDuration, parseDuration } from "./duration.ts";

/**
 * One setting, declared once: type, default, names, rule and help. Used by the command line, the configuration files, the
 * environment, the generated docs and `config check`.
 *
 * The name is derived from the key of the declaration: `historySize` is `HISTORY_SIZE` in the environment and `.env`,
 * `history_size` in the file, `--history-size` on the command line.
 */
export interface Option<T, K extends OptionKind = OptionKind> {
  readonly kind: K;
  /** The default. It may differ between an open and a secured server. */
  readonly fallback: Fallback<T>;
  /** One or two sentences, with a full stop. */
  readonly help: string;
  /** The rule for a value, worded as the end of the sentence "expected …". */
  readonly rule: string;
  /** The environment name, if it is not derived from the key. */
  readonly name: string | undefined;
  /** Further names in environment spelling. They work wherever the name does. */
  readonly aliases: readonly string[];
  /** Never shown. */
  readonly isSecret: boolean;
  /** Whether the value can also be read from a file: `API_KEY_FILE`, `--api-key-file`. */
  readonly orFile: boolean;
  /** The allowed words, if there is a fixed set. */
  readonly choices: readonly string[] | undefined;
  /** Values that other programs set under this name in the environment. They are ignored, with a warning. */
  readonly foreign: RegExp | undefined;
  /** Parses text from the environment or a flag, or a value from a file. Undefined if it breaks the rule. */
  parse(value: unknown): T | undefined;
  /** Formats a value so that `parse` accepts it. */
  format(value: T): string;
}

export type OptionKind = "duration" | "bytes" | "whole" | "toggle" | "text" | "list" | "choice";

export type Fallback<T> = T | ByMode<T>;

/** A default that depends on whether any credential is configured. */
export interface ByMode<T> {
  readonly open: T;
  readonly secured: T;
}

/** Options by key, as exported by an `options.ts`. */
export type OptionTable = Readonly<Record<string, Option<unknown>>>;

/** The values of a table. Durations are in milliseconds, and their keys say so: `drainWindow` becomes `drainWindowMs`. */
export type OptionsOf<Table extends OptionTable> = {
  readonly [Key in keyof Table & string as Table[Key]["kind"] extends "duration" ? `${Key}Ms` : Key]: ValueOf<
    Table[Key]
  >;
};

type ValueOf<O> = O extends Option<infer T, OptionKind> ? T : never;

/** Optional properties of any option. */
export interface Extras {
  readonly name?: string;
  readonly aliases?: readonly string[];
  readonly isSecret?: boolean;
  readonly orFile?: boolean;
  readonly foreign?: RegExp;
}

/** A range, both ends included. */
export interface Range {
  readonly min?: number;
  readonly max?: number;
}

/** The longest delay of a timer: beyond 2³¹−1 ms (24.8 days) it would fire at once. */
const maxTimerMs = 24 * 86_400_000;

/** A duration in milliseconds. Its default range is that of a timer. */
export function duration(fallback: Fallback<number>, help: string, extras: Extras & Range = {}) {
  const { min = 0, max = maxTimerMs } = extras;
  const rule = `a time from ${formatDuration(min)} to ${formatDuration(max)}: seconds, or text such as 250ms, 5s or 2m`;
  const parse = (value: unknown) => within(parseDuration(value), min, max);
  return make("duration", fallback, { help, rule, parse, format: formatDuration }, extras);
}

/** An amount of bytes. */
export function bytes(fallback: Fallback<number>, help: string, extras: Extras & Range = {}) {
  const { min = 0, max = 1024 ** 4 } = extras;
  const rule = `bytes from ${formatByteSize(min)} to ${formatByteSize(max)}: a number, or text such as 64KiB or 1MiB`;
  const parse = (value: unknown) => within(parseByteSize(value), min, max);
  return make("bytes", fallback, { help, rule, parse, format: formatByteSize }, extras);
}

/** A whole number. With the default `undefined` it is optional. */
export function whole<D extends number | undefined>(fallback: Fallback<D>, help: string, extras: Extras & Range = {}) {
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = extras;
  const parse = (value: unknown) => within(parseWhole(value), min, max);
  const rule = `a whole number from ${min} to ${max}`;
  return make<number | D, "whole">("whole", fallback, { help, rule, parse, format: String }, extras);
}

/** A limit. 0 means no limit: the value is then Infinity. */
export function limit(fallback: number, help: string, extras: Extras & Range = {}) {
  const { max = 1_000_000_000 } = extras;
  const parse = (value: unknown) => {
    const number = within(parseWhole(value), 0, max);
    return number === 0 ? Number.POSITIVE_INFINITY : number;
  };
  const format = (value: number) => (value === Number.POSITIVE_INFINITY ? "0" : String(value));
  const rule = `a whole number from 0 (no limit) to ${max}`;
  return make("whole", fallback, { help: `${help} 0: no limit.`, rule, parse, format }, extras);
}

/** A TCP port. 0 lets the system choose one. Ignores what Kubernetes injects for a service of that name. */
export function port<D extends number | undefined>(fallback: D, help: string, extras: Extras = {}) {
  return whole<D>(fallback, help, { foreign: /^(tcp|udp|sctp):\/\//, ...extras, max: 65_535 });
}

/** On or off; also true and false, yes and no, 1 and 0. */
export function toggle(fallback: Fallback<boolean>, help: string, extras: Extras = {}) {
  const format = (value: boolean) => (value ? "on" : "off");
  const parts = { help, rule: "on or off", parse: parseToggle, format, choices: ["on", "off"] };
  return make("toggle", fallback, parts, extras);
}

/** Any text, trimmed. With the default `undefined` it is optional. */
export function text<D extends string | undefined>(fallback: D, help: string, extras: Extras & TextRule = {}) {
  const { pattern = /./s, rule = "a non-empty text" } = extras;
  const parse = (value: unknown) => {
    const trimmed = typeof value === "number" ? String(value) : typeof value === "string" ? value.trim() : "";
    return pattern.test(trimmed) ? trimmed : undefined;
  };
  return make<string | D, "text">("text", fallback, { help, rule, parse, format: String }, extras);
}

/** The pattern of a text, and the rule in words. */
export interface TextRule {
  readonly pattern?: RegExp;
  readonly rule?: string;
}

/** Comma-separated texts; in a file also a list. Empty items are skipped. */
export function list<D extends readonly string[] | undefined>(
  fallback: D,
  help: string,
  extras: Extras & TextRule = {},
) {
  const { pattern = /./s, rule = "comma-separated texts" } = extras;
  const parse = (value: unknown) => {
    const items = (Array.isArray(value) ? value : typeof value === "string" ? value.split(/[,\n]/) : [value])
      .map((item: unknown) => (typeof item === "string" ? item.trim() : item))
      .filter((item) => item !== "");
    return items.every((item) => typeof item === "string" && pattern.test(item)) ? items.map(String) : undefined;
  };
  const format = (value: readonly string[] | D) => value?.join(",") ?? "";
  return make<readonly string[] | D, "list">("list", fallback, { help, rule, parse, format }, extras);
}

/** One of a fixed set of words, case-insensitive. */
export function choice<C extends string>(
  fallback: NoInfer<C>,
  help: string,
  extras: Extras & { readonly choices: readonly C[]; readonly synonyms?: Readonly<Record<string, NoInfer<C>>> },
) {
  const { choices, synonyms = {} } = extras;
  const rule = `${choices.slice(0, -1).join(", ")} or ${choices.at(-1)}`;
  const parse = (value: unknown) => {
    const word = typeof value === "string" ? value.trim().toLowerCase() : "";
    return choices.find((it) => it.toLowerCase() === word) ?? new Map(Object.entries(synonyms)).get(word);
  };
  return make<C, "choice">("choice", fallback, { help, rule, parse, format: String, choices }, extras);
}

/** `historySize` is `HISTORY_SIZE`, unless the option has its own name. */
export function nameOf(key: string, option: Pick<Option<unknown>, "name">): string {
  return option.name ?? key.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}

/** `HISTORY_SIZE` is `--history-size`. */
export function flagOf(name: string): string {
  return `--${name.toLowerCase().replaceAll("_", "-")}`;
}

/** The key of the value in the settings: durations include their unit. */
export function settingKey(key: string, option: Pick<Option<unknown>, "kind">): string {
  return option.kind === "duration" ? `${key}Ms` : key;
}

/** The default in one of the two modes. */
export function fallbackOf<T>(option: Option<T>, mode: keyof ByMode<T>): T {
  return isByMode(option.fallback) ? option.fallback[mode] : option.fallback;
}

/** Whether a default depends on the mode. No option's value is an object of this shape. */
export function isByMode<T>(fallback: Fallback<T>): fallback is ByMode<T> {
  return typeof fallback === "object" && fallback !== null && "open" in fallback && "secured" in fallback;
}

interface Parts<T> extends Pick<Option<T>, "help" | "rule" | "parse" | "format"> {
  readonly choices?: readonly string[];
}

function make<T, K extends OptionKind>(kind: K, fallback: Fallback<T>, parts: Parts<T>, extras: Extras): Option<T, K> {
  const { name, aliases = [], isSecret = false, orFile = false, foreign } = extras;
  const { choices, help, rule, parse, format } = parts;
  return { kind, fallback, help, rule, parse, format, choices, name, aliases, isSecret, orFile, foreign };
}

function parseWhole(value: unknown): number | undefined {
  if (typeof value === "number") return Number.isSafeInteger(value) ? value : undefined;
  return typeof value === "string" && /^ *-?[0-9]{1,15} *$/.test(value) ? Number(value) : undefined;
}

function parseToggle(value: unknown): boolean | undefined {
  if (typeof value === "boolean") return value;
  const word = String(value).trim().toLowerCase();
  if (["on", "true", "yes", "1"].includes(word)) return true;
  return ["off", "false", "no", "0"].includes(word) ? false : undefined;
}

function within(value: number | undefined, min: number, max: number): number | undefined {
  return value !== undefined && value >= min && value <= max ? value : undefined;
}
