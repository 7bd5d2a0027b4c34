import type { LogRecord } from "@logtape/logtape";
import { isSecretName, makeRedactor, redacted } from "./redact.ts";

/** Formats one record as a log entry, without the line end. */
export type LogFormat = (record: LogRecord) => string;

/** Valid log formats: `json`, or a text with at least `{message}` and only known placeholders. */
export const logFormatPattern =
  /^(?:json|(?=.*\{message)(?:[^{}]|\{time(?::[^{}]*)?\}|\{(?:level|name|message|pid|worker)(?:: ?[<>]?[0-9]{1,2})?\})+)$/s;

/**
 * Makes the formatter for a template such as `{time:YYYY-MM-DD HH:mm:ss} | {level} | {message}`.
 *
 * `{time}` is ISO 8601 in UTC; `{time:…}` is local time with YYYY, MM, DD, HH, mm, ss, SSS and Z (the offset).
 * `{level}`, `{name}` (the part of the server), `{message}`, `{pid}` and `{worker}` accept a width: `{level: <8}`, `{level:>8}`.
 * If several workers write to one log and the template has no `{worker}`, the message begins with the worker's name.
 * `json` makes one JSON object per line: time, level, name, worker, message, and the record's own values under `values`.
 *
 * Control characters in values are escaped (`\n`), so that clients cannot forge log lines or control a terminal. Secrets are
 * removed.
 */
export function makeLogFormat(template: string, look: LogLook = {}): LogFormat {
  const { secrets = [], hasColors = false, worker } = look;
  const redact = makeRedactor(secrets);
  if (template.trim().toLowerCase() === "json") return makeJsonFormat(redact, worker);
  const isNamed = worker === undefined || template.includes("{worker");
  const parts = (isNamed ? template : template.replace("{message", `${worker}: {message`))
    .split(/(\{[a-z]+(?::[^{}]*)?\})/)
    .map((part) => makePart(part, { hasColors, worker: worker ?? "" }));
  return (record) => redact(parts.map((part) => (typeof part === "string" ? part : part(record))).join(""));
}

/** Options of a log format. */
export interface LogLook {
  /** Never shown. */
  readonly secrets?: readonly string[];
  /** For terminals: colours the level. Ignored for JSON. */
  readonly hasColors?: boolean;
  /** The name of this process, if others write to the same log. */
  readonly worker?: string;
}

function makePart(
  part: string,
  { hasColors, worker }: { readonly hasColors: boolean; readonly worker: string },
): string | LogFormat {
  const [, name = "", detail] = /^\{([a-z]+)(?::([^{}]*))?\}$/.exec(part) ?? [];
  if (name === "time") return ({ timestamp }) => formatTime(new Date(timestamp), detail);
  const [, side = "<", width = "0"] = /^ ?([<>])?([0-9]+)$/.exec(detail ?? "") ?? [];
  const pad = (text: string) => (side === ">" ? text.padStart(Number(width)) : text.padEnd(Number(width)));
  if (name === "level") return ({ level }) => colored(pad(levelName(level)), hasColors ? level : undefined);
  if (name === "name") return ({ category }) => pad(category.join("."));
  if (name === "pid") return () => pad(String(process.pid));
  if (name === "worker") return () => pad(worker);
  return name === "message" ? (record) => pad(messageOf(record) + stacksOf(record)) : part;
}

function makeJsonFormat(redact: (text: string) => string, worker: string | undefined): LogFormat {
  const value = (key: string, it: unknown) => {
    if (isSecretName(key)) return redacted;
    const encodable = jsonValue(key, it);
    return typeof encodable === "string" ? redact(encodable) : encodable;
  };
  return (record) => {
    const { timestamp, level, category, properties } = record;
    const time = new Date(timestamp).toISOString();
    const entry = { time, level: levelName(level), name: category.join("."), worker };
    const values = Object.keys(properties).length === 0 ? undefined : properties;
    return JSON.stringify({ ...entry, message: messageOf(record), values }, value);
  };
}

/** Converts values that JSON does not support. Circular values do not occur: no part of the server logs such objects. */
function jsonValue(_key: string, value: unknown): unknown {
  if (value instanceof Error) return stackOf(value);
  return typeof value === "bigint" || typeof value === "symbol" ? String(value) : value;
}

const colors: Readonly<Partial<Record<LogRecord["level"], number>>> = {
  debug: 2,
  info: 32,
  warning: 33,
  error: 31,
  fatal: 31,
};

function colored(text: string, level: LogRecord["level"] | undefined): string {
  const color = level === undefined ? undefined : colors[level];
  return color === undefined ? text : `\u001b[${color}m${text}\u001b[0m`;
}

/** Maps the levels of the logging library, which has two more, to ours. */
function levelName(level: LogRecord["level"]): string {
  if (level === "trace") return "DEBUG";
  return level === "fatal" ? "ERROR" : level.toUpperCase();
}

function messageOf({ message }: LogRecord): string {
  return escaped(message.map(valueText).join(""));
}

function valueText(value: unknown): string {
  if (typeof value === "string") return value;
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  if (typeof value !== "object" || value === null) return String(value);
  try {
    return JSON.stringify(value, jsonValue);
  } catch {
    return String(value); // circular: a poor log line is better than none
  }
}

/** The stacks of logged errors, one step per line. Only bugs are logged with an error. */
function stacksOf({ message }: LogRecord): string {
  return message.flatMap((value) => (value instanceof Error ? stackLines(value) : [])).join("");
}

function stackLines(error: Error): string[] {
  // Only lines that the engine wrote: the message of an error may come from a client.
  const frames = (error.stack ?? "").split("\n").filter((line) => /^ {4}at \S/.test(line));
  const cause = error.cause instanceof Error ? error.cause : undefined;
  const causeLines = cause === undefined ? [] : [`    caused by ${escaped(valueText(cause))}`, ...stackLines(cause)];
  return [...frames.map(escaped), ...causeLines].map((line) => (line.startsWith("\n") ? line : `\n${line}`));
}

function stackOf(error: Error): string {
  return valueText(error) + stackLines(error).join("");
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it matches
const control = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;
const shortEscapes: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** Also escapes characters that change the writing direction, which could hide part of a line. */
function escaped(text: string): string {
  return text.replace(control, (sign) => {
    return shortEscapes[sign] ?? `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

function formatTime(time: Date, template: string | undefined): string {
  if (template === undefined) return time.toISOString();
  const two = (value: number) => String(value).padStart(2, "0");
  return template.replace(/YYYY|MM|DD|HH|mm|ss|SSS|Z/g, (token) => {
    if (token === "YYYY") return String(time.getFullYear());
    if (token === "MM") return two(time.getMonth() + 1);
    if (token === "DD") return two(time.getDate());
    if (token === "HH") return two(time.getHours());
    if (token === "mm") return two(time.getMinutes());
    if (token === "ss") return two(time.getSeconds());
    return token === "SSS" ? String(time.getMilliseconds()).padStart(3, "0") : offsetOf(time);
  });
}

/** `+02:00` */
function offsetOf(time: Date): string {
  const minutes = -time.getTimezoneOffset();
  const two = (value: number) => String(Math.floor(Math.abs(value))).padStart(2, "0");
  return `${minutes < 0 ? "-" : "+"}${two(minutes / 60)}:${two(minutes % 60)}`;
}
