import { ServiceError } from "../../protocol/errors.ts";
import { parseObject } from "../../protocol/fields.ts";
import { knownScheduleFields, parseScheduleRequest } from "../api/schedule-request.ts";
import { checkSize } from "../hub/check-size.ts";
import type { Definition } from "../schedule/schedule.ts";
import { NextTimes } from "../schedule/timing/next-times.ts";

/** One entry of `schedules` in the settings file. */
export interface ConfiguredSchedule {
  readonly id: string;
  readonly definition: Definition;
  /** Undefined: a new schedule is not paused, and an existing one keeps its state. */
  readonly isPaused?: boolean;
}

/** Limits for the entries. */
export interface ScheduleChecks {
  /** Bytes of one publication. */
  readonly maxMessageBytes: number;
  /** The number of schedules in the whole server. */
  readonly maxSchedules: number;
}

/**
 * Parses the list from the settings file. The fields are those of the HTTP API. Problems look like
 * `schedules[0].cron: expected …`.
 */
export function parseSchedules(
  value: unknown,
  checks: ScheduleChecks,
): { readonly schedules: readonly ConfiguredSchedule[]; readonly problems: readonly string[] } {
  const schedules = new Map<string, ConfiguredSchedule>();
  const problems: string[] = [];
  if (value === undefined || value === null) return { schedules: [], problems };
  if (!Array.isArray(value)) {
    return { schedules: [], problems: [`schedules: expected a list of schedules, got ${shown(value)}`] };
  }
  for (const [index, entry] of value.entries()) {
    const parsed = parseEntry(entry, checks);
    if (typeof parsed === "string") problems.push(`schedules[${index}]${parsed}`);
    else if (schedules.has(parsed.id)) problems.push(`schedules[${index}].id: ${shown(parsed.id)} is used twice`);
    else schedules.set(parsed.id, parsed);
  }
  if (schedules.size > checks.maxSchedules) {
    problems.push(`schedules: expected at most MAX_SCHEDULES (${checks.maxSchedules}), got ${schedules.size}`);
  }
  return { schedules: [...schedules.values()], problems };
}

/** @returns the problem, if there is one, as it follows `schedules[0]` */
function parseEntry(entry: unknown, { maxMessageBytes }: ScheduleChecks): ConfiguredSchedule | string {
  if (typeof entry !== "object" || entry === null || Array.isArray(entry)) {
    return `: expected a schedule such as {id: daily, publish: {channel: all, message: Hello}, every_s: 60}, got ${shown(entry)}`;
  }
  const text = jsonOf(entry);
  if (text === undefined) return ": expected a schedule that can be written as JSON, got one that contains itself";
  try {
    const { id, definition, isPaused, publish } = parseScheduleRequest(parseObject(text, knownScheduleFields, 2), text);
    const rounded = findRounded(entry);
    if (rounded !== undefined) return `${rounded.path}: expected ${exactRule}, got about ${rounded.number}`;
    if (id === undefined) return ".id: expected an id, so that the schedule is recognized after a restart, got nothing";
    checkSize(publish.draft, maxMessageBytes);
    if (neverFires(definition)) return ".cron: expected an expression that fires again";
    return { id, definition, ...(isPaused === undefined ? {} : { isPaused }) };
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    if (error.code === "too-large") return `.publish: ${error.message}`;
    return error.message.startsWith("unknown") ? `: ${error.message}` : `.${error.message}`;
  }
}

/** Undefined if it is a YAML anchor that contains itself. */
function jsonOf(entry: object): string | undefined {
  try {
    return JSON.stringify(entry);
  } catch {
    return undefined; // `parseEntry` says what is wrong
  }
}

const exactRule =
  "a number from -9007199254740991 to 9007199254740991 (larger ones would be rounded: write a text, or create the schedule over HTTP)";

/**
 * A number that JSON does not have, or a whole one that the parser of the file has rounded, or may have.
 * @returns with its path as it follows `schedules[0]`, such as `.publish.data.ids[2]`
 */
function findRounded(value: unknown, path = ""): { readonly path: string; readonly number: number } | undefined {
  if (typeof value === "number") {
    const isExact = Number.isSafeInteger(value) || (Number.isFinite(value) && !Number.isInteger(value));
    return isExact ? undefined : { path, number: value };
  }
  if (typeof value !== "object" || value === null) return undefined;
  for (const [name, member] of Object.entries(value)) {
    const found = findRounded(member, Array.isArray(value) ? `${path}[${name}]` : `${path}.${name}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Another schedule may be over: it was in the file before. */
function neverFires(definition: Definition): boolean {
  if (definition.timing.kind !== "cron") return false;
  return new NextTimes().after({ definition: { ...definition, endsAt: null }, updatedAt: 0 }, 0) === undefined;
}

function shown(value: unknown): string {
  return value === undefined ? "nothing" : (JSON.stringify(value) ?? String(value)).slice(0, 80);
}
