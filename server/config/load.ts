import { parseChannelRules } from "../channels/rule.ts";
import { fallbackOf, isByMode, settingKey } from "../lib/option.ts";
import { checkSettings } from "./check.ts";
import { type AllOptions, credentialKeys, type Declared, declarations } from "./options.ts";
import { type Picked, pickFrom } from "./pick.ts";
import { parseSchedules, type ScheduleChecks } from "./schedules.ts";
import { ConfigError, type Settings } from "./settings.ts";
import { type ConfigInputs, type From, readSources } from "./sources.ts";

/** The longest sentence about a problem, in characters. */
const mostLength = 1000;

/** The settings, and the source of each. */
export interface Loaded {
  readonly settings: Settings;
  /** By the key of the declaration, for every option. */
  readonly origins: ReadonlyMap<string, Origin>;
  /** The file that was read, if there was one. */
  readonly file: string | undefined;
  /** One sentence each, for the log. */
  readonly warnings: readonly string[];
}

/** The source of a value. */
export interface Origin {
  readonly from: From;
  /** The name as the user wrote it, such as `TIMEOUT in .env`. For a default that depends on the mode: the mode. */
  readonly written: string | undefined;
  readonly value: unknown;
}

/** The settings as far as they are valid, and the problems with them. */
export interface Examined extends Loaded {
  /** One sentence each that says what to do. A server must not run if there are any. */
  readonly problems: readonly string[];
}

/**
 * Loads the settings for a server.
 * @throws ConfigError with all problems, not only the first
 */
export function loadSettings(inputs: ConfigInputs): Loaded {
  const { problems, ...loaded } = examineSettings(inputs);
  if (problems.length > 0) throw new ConfigError(problems);
  return loaded;
}

/** Reads all sources: defaults < file < .env < environment < flags < options. An invalid value counts as not set. */
export function examineSettings(inputs: ConfigInputs): Examined {
  const found = readSources(inputs);
  const problems = [...found.problems];
  const warnings = [...found.warnings];
  const picked = new Map<string, Picked>();
  for (const declared of declarations) {
    for (const source of found.sources) {
      const value = pickFrom(source, declared, { readText: inputs.readText, problems, warnings });
      if (value !== undefined) picked.set(declared.key, value);
    }
  }
  const { rules, problems: ruleProblems } = parseChannelRules(found.channels, found.placeOfRule);
  problems.push(...ruleProblems.map((problem) => `${problem} (in ${found.file ?? "channels"})`));

  const isSecured = credentialKeys.some((key) => isSet(picked.get(key)?.value));
  const origins = new Map(declarations.map((it) => [it.key, originOf(it, picked.get(it.key), isSecured)]));
  const { schedules, problems: scheduleProblems } = parseSchedules(found.schedules, limitsFrom(origins));
  problems.push(...scheduleProblems.map((problem) => `${problem} (in ${found.file ?? "schedules"})`));
  const settings = { ...resolve(origins, isSecured, rules), schedules };
  const mode = isSecured ? "secured" : "open";
  const isDefault = ({ key, option }: Declared) => {
    const [value, fallback] = [picked.get(key)?.value, fallbackOf(option, mode)];
    // Lists are equal if their items are.
    return (
      value === fallback ||
      (value !== undefined && fallback !== undefined && option.format(value) === option.format(fallback))
    );
  };
  const unchanged = new Set(declarations.filter(isDefault).map(({ key }) => key));
  const writtenOf = (key: string) => picked.get(key)?.written;
  const changedOf = (key: string) => (unchanged.has(key) ? undefined : writtenOf(key));
  const checked = checkSettings(settings, { writtenOf, changedOf, readText: inputs.readText });
  problems.push(...checked.problems);
  const { file } = found;
  return {
    settings,
    origins,
    file,
    problems: problems.map(shortened),
    warnings: [...warnings, ...checked.warnings].map(shortened),
  };
}

/** A sentence may quote a file. Its beginning says where the problem is, and its end what was expected. */
function shortened(sentence: string): string {
  return sentence.length <= mostLength ? sentence : `${sentence.slice(0, 500)}…${sentence.slice(-300)}`;
}

function isSet(value: unknown): boolean {
  return value !== undefined && !(Array.isArray(value) && value.length === 0);
}

function originOf({ option }: Declared, picked: Picked | undefined, isSecured: boolean): Origin {
  if (picked !== undefined) return picked;
  const mode = isSecured ? "secured" : "open";
  const written = isByMode(option.fallback) ? `${mode} server` : undefined;
  return { from: "default", written, value: fallbackOf(option, mode) };
}

/** Computes the settings that depend on others. */
function resolve(
  origins: ReadonlyMap<string, Origin>,
  isSecured: boolean,
  channelRules: Settings["channelRules"],
): Omit<Settings, "schedules"> {
  const { workers, redisHost, redisPort, ...all } = gather(origins);
  const isChosen = (key: string) => origins.get(key)?.from !== "default";
  return {
    ...all,
    isSecured,
    channelRules,
    workers: workers === undefined || workers === "auto" ? workers : Number(workers),
    redisSetting: origins.get(all.redisUrl === undefined ? "redisHost" : "redisUrl")?.written ?? "REDIS_URL",
    redisUrl: all.redisUrl ?? (redisHost === undefined ? undefined : `redis://${bracketed(redisHost)}:${redisPort}`),
    // In environment variables, the line breaks of a PEM are often written as `\n`.
    jwtPublicKey: all.jwtPublicKey?.replaceAll("\\n", "\n"),
    drainWindowMs: isChosen("drainWindow") ? all.drainWindowMs : Math.min(all.drainWindowMs, all.shutdownTimeoutMs),
    logLevel: all.debug ? "DEBUG" : all.logLevel,
  };
}

function limitsFrom(origins: ReadonlyMap<string, Origin>): ScheduleChecks {
  const { maxMessageBytes, maxSchedules } = gather(origins);
  return { maxMessageBytes, maxSchedules };
}

function gather(origins: ReadonlyMap<string, Origin>): AllOptions {
  const entries = declarations.map(({ key, option }) => [settingKey(key, option), origins.get(key)?.value]);
  // Each value comes from its declaration's `parse` or is its default, and the type is derived from the same tables.
  return Object.fromEntries(entries) as AllOptions;
}

function bracketed(host: string): string {
  return host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
}
