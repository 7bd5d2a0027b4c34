import { nearest } from "../../protocol/nearest.ts";
import { parseDotenv } from "./dotenv.ts";
import { canonicalName, everyFlag, everyName } from "./options.ts";
import { parseConfigText } from "./parse-config-text.ts";
import { ruleLines } from "./rule-lines.ts";

/** The sources of settings. They are passed in: this folder does not access the process or the disk itself. */
export interface ConfigInputs {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** By flag, such as `--history-size`; `true` for a flag without a value. */
  readonly flags: ReadonlyMap<string, string | true>;
  /** Options of the library's constructor by key, such as `historySize`, including `channels` and `schedules`. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** `--config PATH`; undefined: the first of `configFiles` that exists. */
  readonly configPath: string | undefined;
  /** The text of a file; undefined if it does not exist. @throws Error if it cannot be read */
  readonly readText: (path: string) => string | undefined;
}

/** The kind of source. */
export type From = "default" | "file" | ".env" | "environment" | "flag" | "option";

/** A name and value in a source. */
export interface Given {
  /** The name as in the environment. */
  readonly name: string;
  /** The name as the user wrote it, with the place: `history_size in fanfare.config.yaml`. */
  readonly written: string;
  readonly value: unknown;
}

/** One source of settings. */
export interface Source {
  readonly from: From;
  readonly given: readonly Given[];
}

/** All sources, the one with the lowest precedence first. */
export interface Sources {
  readonly sources: readonly Source[];
  /** The unparsed `channels` of the file. */
  readonly channels: unknown;
  /** Where an entry of `channels` is defined, such as `fanfare.config.yaml, line 12`; undefined if it is not in a file. */
  readonly placeOfRule: (index: number) => string | undefined;
  /** The unparsed `schedules` of the file. */
  readonly schedules: unknown;
  /** The path of the file, if there is one. */
  readonly file: string | undefined;
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

/** The default names of the settings file in the working directory. */
export const configFiles = [
  "fanfare.config.yaml",
  "fanfare.config.yml",
  "fanfare.config.json",
  "fanfare.config.toml",
] as const;

/** Reads all sources. Reports unknown names and unreadable files. */
export function readSources(inputs: ConfigInputs): Sources {
  const notes: Notes = { problems: [], warnings: [] };
  const file = findFile(inputs, notes);
  const { channels, schedules, ...rest } = file === undefined ? {} : readConfigFile(file.path, file.text, notes);
  const { channels: channelsOption, schedules: schedulesOption, ...options } = inputs.options ?? {};
  const sources: Source[] = [
    { from: "file", given: fromFile(rest, file?.path ?? "", notes) },
    { from: ".env", given: fromDotenv(inputs, notes) },
    { from: "environment", given: fromEnvironment(inputs.env) },
    { from: "flag", given: fromFlags(inputs.flags, notes) },
    { from: "option", given: fromOptions(options, notes) },
  ];
  const lines = file === undefined || channels === undefined ? [] : ruleLines(file.path, file.text);
  const placeOfRule = (index: number) =>
    lines[index] === undefined ? file?.path : `${file?.path}, line ${lines[index]}`;
  return {
    sources,
    channels: channelsOption ?? channels,
    placeOfRule: channelsOption === undefined ? placeOfRule : () => undefined,
    schedules: schedulesOption ?? schedules,
    file: file?.path,
    ...notes,
  };
}

interface Notes {
  readonly problems: string[];
  readonly warnings: string[];
}

const known = new Set(everyName);

function findFile(inputs: ConfigInputs, notes: Notes): { path: string; text: string } | undefined {
  const found = (inputs.configPath === undefined ? configFiles : [inputs.configPath]).flatMap((path) => {
    const text = read(inputs, path, notes);
    return text === undefined ? [] : [{ path, text }];
  });
  if (found.length > 1) {
    const paths = found.map(({ path }) => path).join(" and ");
    notes.problems.push(`found ${paths}: keep one, or choose one with --config`);
  }
  return found[0];
}

/** Undefined if the file does not exist, or cannot be read, which is reported. */
function read(inputs: ConfigInputs, path: string, notes: Notes): string | undefined {
  try {
    const text = inputs.readText(path);
    if (text === undefined && path === inputs.configPath) {
      notes.problems.push(`--config: there is no file ${JSON.stringify(path)}`);
    }
    return text;
  } catch (error) {
    notes.problems.push(`${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

function readConfigFile(path: string, text: string, notes: Notes): Record<string, unknown> {
  try {
    const value = parseConfigText(path, text);
    if (value === null || value === undefined) return {};
    if (typeof value === "object" && !Array.isArray(value)) return { ...value };
    notes.problems.push(`${path}: expected settings by name, such as "port: 8000"`);
  } catch (error) {
    // The lines after the first quote the file, which may contain a secret.
    const [reason = ""] = (error instanceof Error ? error.message : String(error)).split("\n");
    notes.problems.push(`${path}: ${reason.replace(/:$/, "")}`);
  }
  return {};
}

function fromFile(values: Readonly<Record<string, unknown>>, path: string, notes: Notes): Given[] {
  return Object.entries(values).flatMap(([written, value]) => {
    const name = canonicalName(written);
    if (known.has(name)) return [{ name, written: `${written} in ${path}`, value }];
    if (written.startsWith("$") || written.startsWith("x-")) return []; // "$schema" and the user's own extensions
    notes.problems.push(`${written} in ${path}: ${unknown(name, (it) => it.toLowerCase())}`);
    return [];
  });
}

function fromDotenv(inputs: ConfigInputs, notes: Notes): Given[] {
  const { values, problems } = parseDotenv(read(inputs, ".env", notes) ?? "");
  notes.problems.push(...problems.map((problem) => `.env, ${problem}`));
  return Array.from(values).flatMap(([written, value]) => {
    const name = written.toUpperCase();
    if (known.has(name)) return [{ name, written: `${written} in .env`, value }];
    // Other programs use .env too, so only names that look like typos are reported.
    const guess = nearest(name, everyName);
    if (guess !== undefined) notes.warnings.push(`${written} in .env is not a setting: did you mean ${guess}?`);
    return [];
  });
}

function fromEnvironment(env: ConfigInputs["env"]): Given[] {
  return everyName.flatMap((name) => {
    const value = env[name];
    return value === undefined ? [] : [{ name, written: name, value }];
  });
}

function fromFlags(flags: ConfigInputs["flags"], notes: Notes): Given[] {
  return Array.from(flags).flatMap(([flag, value]) => {
    if (everyFlag.includes(flag)) return [{ name: canonicalName(flag), written: flag, value }];
    notes.problems.push(`${flag}: ${unknown(flag, String, everyFlag)}`);
    return [];
  });
}

function fromOptions(options: Readonly<Record<string, unknown>>, notes: Notes): Given[] {
  return Object.entries(options).flatMap(([key, value]) => {
    const name = key.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
    if (known.has(name)) return [{ name, written: key, value }];
    notes.problems.push(`${key}: ${unknown(name, camelCase)}`);
    return [];
  });
}

function camelCase(name: string): string {
  return name.toLowerCase().replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase());
}

function unknown(written: string, spell: (name: string) => string, names: readonly string[] = everyName): string {
  const guess = nearest(written, names);
  return guess === undefined ? "unknown setting" : `unknown setting, did you mean ${spell(guess)}?`;
}
