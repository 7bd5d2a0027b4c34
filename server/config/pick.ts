import { credentialKeys, type Declared, guardKeys } from "./options.ts";
import type { ConfigInputs, From, Given, Source } from "./sources.ts";

/** The value of an option in one source. */
export interface Picked {
  readonly from: From;
  readonly written: string;
  readonly value: unknown;
}

/** Collects problems and warnings, and reads files. */
export interface PickContext {
  readonly readText: ConfigInputs["readText"];
  readonly problems: string[];
  readonly warnings: string[];
}

/**
 * The value of an option in one source; undefined if it is not set there, or invalid, which is reported in the context. If a
 * source sets an option under two names, the values must be equal.
 */
export function pickFrom(source: Source, declared: Declared, context: PickContext): Picked | undefined {
  const { option, names, fileNames } = declared;
  const picked = source.given
    .filter(({ name }) => names.includes(name) || fileNames.includes(name))
    .flatMap((given): Picked[] => {
      const value = read(source.from, declared, given, context);
      return value === undefined ? [] : [{ from: source.from, written: given.written, value }];
    });
  const [first, ...others] = picked;
  if (first === undefined) return undefined;
  const other = others.find(({ value }) => option.format(value) !== option.format(first.value));
  if (other !== undefined) {
    context.problems.push(`${first.written} and ${other.written} are the same setting with different values: keep one`);
  }
  return first;
}

function read(from: From, declared: Declared, given: Given, context: PickContext): unknown {
  const { option } = declared;
  const raw = given.value === true && option.kind !== "toggle" ? "" : given.value;
  if (isEmpty(raw)) return empty(from, declared, given, context);
  if (from === "environment" && typeof raw === "string" && option.foreign?.test(raw)) {
    context.warnings.push(`${given.written}=${raw} was meant for another program and is ignored`);
    return undefined;
  }
  const content = declared.fileNames.includes(given.name) ? readFile(given, String(raw), context) : raw;
  if (content === undefined) return undefined;
  const value = option.parse(content);
  const isNothing = Array.isArray(value) && value.length === 0; // API_KEY=,
  const mustBeSet = credentialKeys.includes(declared.key) || guardKeys.includes(declared.key);
  if (isNothing && mustBeSet) return empty(from, declared, given, context);
  if (value === undefined) {
    const got = option.isSecret ? "" : `, got ${shown(content)}`;
    context.problems.push(`${given.written}: expected ${option.rule}${got}`);
  }
  return value;
}

/**
 * An empty value usually counts as not set, because compose files pass unset variables like this (`REDIS_URL=`). It is an
 * error for a credential and for a restriction, where the user may believe that the server is secured, and on the command line.
 */
function empty(from: From, { key, option }: Declared, given: Given, { problems, warnings }: PickContext): undefined {
  if (from === "flag") problems.push(`${given.written}: expected ${option.rule}, got nothing`);
  else if (credentialKeys.includes(key)) {
    problems.push(`${given.written} is empty, so the server would not be secured: set a value, or remove it`);
  } else if (guardKeys.includes(key)) {
    problems.push(`${given.written} is empty, so it would restrict nobody: set a value, or remove it`);
  } else if (option.orFile) warnings.push(`${given.written} is empty and counts as not set`);
}

function readFile(given: Given, path: string, context: PickContext): string | undefined {
  try {
    const text = context.readText(path)?.trim();
    if (text !== undefined && text !== "") return text;
    context.problems.push(`${given.written}: ${text === undefined ? "there is no file" : "empty file"} ${shown(path)}`);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    context.problems.push(`${given.written}: ${shown(path)} cannot be read: ${reason}`);
  }
  return undefined;
}

function isEmpty(value: unknown): boolean {
  return value === null || value === undefined || (typeof value === "string" && value.trim() === "");
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? String(value)).slice(0, 100);
}
