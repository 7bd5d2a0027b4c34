import { formatByteSize, parseByteSize } from "./byte-size.ts";
import { formatDuration, parseDuration } from "./duration.ts";

/**
 * One setting, declared once: type, default, names, rule and help. The command line, the files, the environment, the pages
 * of documentation and `config check` all go by it.
 *
 * The name is made from the key it is declared under: `historySize` is `HISTORY_SIZE` in the environment and `.env`,
 * `history_size` in the file, `--history-size` on the command line.
 */
export interface Option<T, K extends OptionKind = OptionKind> {
  readonly kind: K;
  /** What holds where nobody says anything; it may differ between an open and a secured server. */
  readonly fallback: Fallback<T>;
  /** One sentence or two, with a full stop. */
  readonly help: string;
  /** What a value must be, as the end of the sentence "expected …". */
  readonly rule: string;
  /** The environment's name, where it is not made from the key. */
  readonly name: string | undefined;
  /** Further names in the environment's spelling; they work everywhere the name does. */
  readonly aliases: readonly string[];
  /** Never shown. */
  readonly isSecret: boolean;
  /** Can also be given as the path of a file that holds the value: `API_KEY_FILE`, `--api-key-file`. */
  readonly orFile: boolean;
  /** The words it takes, where there are only so many. */
  readonly choices: readonly string[] | undefined;
  /** Values that others put under this name in the environment: ignored there, with a warning. */
  readonly foreign: RegExp | undefined;
  /** Text from the environment or a flag, or what a file holds; undefined where it breaks the rule. */
  parse(value: unknown): T | undefined;
  /** A value as one would write it; `parse` takes it back. */
  format(value: T): string;
}

export type OptionKind = "duration" | "bytes" | "whole" | "toggle" | "text" | "list" | "choice";

export type Fallback<T> = T | ByMode<T>;

/** A default that depends on whether any credential is configured. */
export interface ByMode<T> {
  readonly open: T;
  readonly secured: T;
}

/** Options by their keys: what an `options.ts` exports. */
export type OptionTable = Readonly<Record<string, Option<unknown>>>;

/** The values of a table. Durations are milliseconds, and their keys say so: `drainWindow` becomes `drainWindowMs`. */
export type OptionsOf<Table extends OptionTable> = {
  readonly [Key in keyof Table & string as Table[Key]["kind"] extends "duration" ? `${Key}Ms` : Key]: ValueOf<
    Table[Key]
  >;
};

type ValueOf<O> = O extends Option<infer T, OptionKind> ? T : never;

/** What any option may say beside its default and help. */
export interface Extras {
  readonly name?: string;
  readonly aliases?: readonly string[];
  readonly isSecret?: boolean;
  readonly orFile?: boolean;
  readonly foreign?: RegExp;
}

/** Both ends belong to it. */
export interface Range {
  readonly min?: number;
  readonly max?: number;
}

/** What a timer can wait: beyond 2³¹−1 ms (24.8 days) it would fire at once. */
const maxTimerMs = 24 * 86_400_000;

/** A time, in milliseconds. Its default range is what a timer can wait. */
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

/** A whole number; with the default `undefined` it can stay unset. */
export function whole<D extends number | undefined>(fallback: Fallback<D>, help: string, extras: Extras & Range = {}) {
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = extras;
  const parse = (value: unknown) => within(parseWhole(value), min, max);
  const rule = `a whole number from ${min} to ${max}`;
  return make<number | D, "whole">("whole", fallback, { help, rule, parse, format: String }, extras);
}

/** A bound that 0 takes away: the value is then Infinity. */
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

/** A TCP port. 0 lets the system choose one. What Kubernetes injects for a service of that name is nobody's wish. */
export function port<D extends number | undefined>(fallback: D, help: string, extras: Extras = {}) {
  return whole<D>(fallback, help, { foreign: /^(tcp|udp|sctp):\/\//, ...extras, max: 65_535 });
}

/** On or off; also true and false, yes and no, 1 and 0. */
export function toggle(fallback: Fallback<boolean>, help: string, extras: Extras = {}) {
  const format = (value: boolean) => (value ? "on" : "off");
  const parts = { help, rule: "on or off", parse: parseToggle, format, choices: ["on", "off"] };
  return make("toggle", fallback, parts, extras);
}

/** Any text without control characters at its ends; with the default `undefined` it can stay unset. */
export function text<D extends string | undefined>(fallback: D, help: string, extras: Extras & TextRule = {}) {
  const { pattern = /./s, rule = "a non-empty text" } = extras;
  const parse = (value: unknown) => {
    const trimmed = typeof value === "number" ? String(value) : typeof value === "string" ? value.trim() : "";
    return pattern.test(trimmed) ? trimmed : undefined;
  };
  return make<string | D, "text">("text", fallback, { help, rule, parse, format: String }, extras);
}

/** What a text must match, and how to say so. */
export interface TextRule {
  readonly pattern?: RegExp;
  readonly rule?: string;
}

/** Texts with commas between them; in a file also a list. Empty places are skipped. */
export function list<D extends readonly string[] | undefined>(
  fallback: D,
  help: string,
  extras: Extras & TextRule = {},
) {
  const { pattern = /./s, rule = "texts with commas between them" } = extras;
  const parse = (value: unknown) => {
    const items = (Array.isArray(value) ? value : typeof value === "string" ? value.split(/[,\n]/) : [value])
      .map((item: unknown) => (typeof item === "string" ? item.trim() : item))
      .filter((item) => item !== "");
    return items.every((item) => typeof item === "string" && pattern.test(item)) ? items.map(String) : undefined;
  };
  const format = (value: readonly string[] | D) => value?.join(",") ?? "";
  return make<readonly string[] | D, "list">("list", fallback, { help, rule, parse, format }, extras);
}

/** One of a few words; capitals do not matter. */
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

/** `historySize` is `HISTORY_SIZE`, unless the option has a name of its own. */
export function nameOf(key: string, option: Pick<Option<unknown>, "name">): string {
  return option.name ?? key.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}

/** `HISTORY_SIZE` is `--history-size`. */
export function flagOf(name: string): string {
  return `--${name.toLowerCase().replaceAll("_", "-")}`;
}

/** The key of the value in the settings: durations say their unit. */
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
