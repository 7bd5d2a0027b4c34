import { type ChannelName, channelNameRuleFor, parseChannelName } from "./channel-name.ts";
import { ServiceError } from "./errors.ts";
import { JsonCheck } from "./json-check.ts";
import { onOneLine } from "./json-text.ts";
import type { KnownFields } from "./known-fields.ts";
import { limits } from "./limits.ts";
import { parseKnownFields, unknownFields } from "./parse-known-fields.ts";
import { parsePosition, parseSince, type Since, sinceRule } from "./position.ts";

/** A JSON object whose members have not been validated yet, except that `data` is JSON text. */
export type Fields = Readonly<Record<string, unknown>> & { readonly [unknownFields]?: readonly string[] };

/** The JSON text of the field `data`, on one line; undefined without that field. */
export function dataText({ data }: Fields): string | undefined {
  return typeof data === "string" ? onOneLine(data) : undefined;
}

/** The names of fields that are not known. If there are very many, only the first ones. */
export function unknownIn(object: Fields): readonly string[] {
  return object[unknownFields] ?? [];
}

/**
 * @throws ServiceError "bad-json" for anything but an object of acceptable depth
 * @param around as for `parseJson`
 */
export function parseObject(text: string, known: KnownFields, around = 1): Fields {
  const value = parseJson(text, known, around);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new ServiceError("bad-json", "expected a JSON object");
  }
  return value as Fields;
}

/**
 * Parses the known fields of an object, or of the objects in an array. Of other fields only their names are kept.
 * @param around Levels that surround `data`: 1 for an object with fields, 2 for an array of those.
 * @throws ServiceError "bad-json" if the text is not JSON, or is nested deeper than `limits.jsonDepth` plus `around`.
 */
export function parseJson(text: string, known: KnownFields, around = 1): unknown {
  try {
    return parseKnownFields(text, known, limits.jsonDepth + around);
  } catch (cause) {
    throw badJson(cause);
  }
}

/** Checks a text that is the data of a message. @throws ServiceError "bad-json", as `parseJson` does */
export function checkData(text: string): void {
  try {
    new JsonCheck(text, limits.jsonDepth).whole();
  } catch (cause) {
    throw badJson(cause);
  }
}

function badJson(cause: unknown): ServiceError {
  if (cause instanceof RangeError) return new ServiceError("bad-json", `nested deeper than ${limits.jsonDepth} levels`);
  if (!(cause instanceof SyntaxError)) throw cause;
  return new ServiceError("bad-json", `not JSON: ${cause.message}`, { cause });
}

/** The error for one field. Names the field, the rule and the value. */
export function invalid(field: string, rule: string, got: unknown): ServiceError {
  return refusal(field, rule, shown(got));
}

function refusal(field: string, rule: string, got: string): ServiceError {
  return new ServiceError("invalid-field", `${field}: expected ${rule}, got ${got}`, { field });
}

/** A text of at most `max` characters without control characters, or undefined if the field is absent or null. */
export function optionalText(fields: Fields, field: string, max: number): string | undefined {
  const value = fields[field];
  if (value === undefined || value === null) return undefined;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it matches
  if (typeof value !== "string" || value.length === 0 || value.length > max || /[\u0000-\u001f\u007f]/.test(value)) {
    throw invalid(field, `a text of 1 to ${max} characters without control characters`, value);
  }
  // UTF-8 storage replaces every lone surrogate with the same character, so two different ids would become one.
  if (!value.isWellFormed()) throw invalid(field, "valid Unicode, without half of a surrogate pair", value);
  return value;
}

/** A text of any length (the transport limits it), or undefined. */
export function optionalMessage(fields: Fields): string | undefined {
  const value = fields.message;
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "string") throw invalid("message", "a text", value);
  return value;
}

export function optionalSwitch(fields: Fields, field: string, otherwise: boolean): boolean {
  const value = fields[field];
  if (value === undefined || value === null) return otherwise;
  if (typeof value !== "boolean") throw invalid(field, "true or false", value);
  return value;
}

export function optionalEvent(fields: Fields): string | undefined {
  const value = fields.event;
  if (value === undefined || value === null) return undefined;
  if (!isEventName(value)) throw invalid("event", eventRule, value);
  return value;
}

/** `error`, `open` and `system` are reserved: an EventSource fires the first two itself, and the server uses the third. */
export const eventPattern = /^(?!(?:error|open|system)$)[A-Za-z0-9_.:-]{1,100}$/;

export function isEventName(value: unknown): value is string {
  return typeof value === "string" && eventPattern.test(value);
}

export const eventRule = `1 to ${limits.eventLength} of A-Z a-z 0-9 _ . : - and none of error, open, system`;

export function channelField(fields: Fields): ChannelName {
  const channel = parseChannelName(fields.channel);
  if (channel === undefined) throw invalid("channel", channelNameRuleFor(fields.channel), fields.channel);
  return channel;
}

/** @throws ServiceError for anything but a position object, a keyword of `sinceRule`, or nothing. */
export function optionalSince(fields: Fields): Since | undefined {
  const value = fields.since;
  if (value === undefined || value === null) return undefined;
  const position = parsePosition(value);
  if (position !== undefined) return { from: "position", position };
  const word = typeof value === "string" ? parseSince(value) : undefined;
  if (word === undefined) throw invalid("since", sinceRule, value);
  return word;
}

export function optionalHeaders(fields: Fields): Readonly<Record<string, string>> | undefined {
  const value = fields.headers;
  if (value === undefined || value === null) return undefined;
  if (isHeaders(value)) return value;
  throw refusal("headers", headersRule, shownHeaders(value));
}

/** An object with few, short text values, and names of printable ASCII characters: see `parseKnownFields`. */
export function isHeaders(value: unknown): value is Readonly<Record<string, string>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const entries = Object.entries(value);
  return entries.length <= limits.headers && entries.every(isHeader);
}

function isHeader([name, text]: [string, unknown]): boolean {
  return headerName.test(name) && isHeaderText(text, limits.headerLength - name.length);
}

const headerName = /^[\x20-\x7e]*$/;

function isHeaderText(text: unknown, max: number): boolean {
  return typeof text === "string" && text.length <= max && text.isWellFormed();
}

export const headersRule = `an object of at most ${limits.headers} texts with names in ASCII, each up to ${limits.headerLength} characters with its name`;

/** The value as shown in an error: short, and never a whole payload. */
function shown(value: unknown): string {
  if (value === undefined) return "nothing";
  const text =
    typeof value === "string" ? JSON.stringify(value) : typeof value === "object" ? kindOf(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 57)}… (${text.length} characters)` : text;
}

/** Of an object only the member that is wrong, unless it was removed by `parseKnownFields`. */
function shownHeaders(value: unknown): string {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return shown(value);
  const [name, text] = Object.entries(value).find((it) => !isHeader(it)) ?? [];
  return name ? `${shown(name)}: ${shown(text)}` : `${Object.keys(value).length} members`;
}

function kindOf(value: unknown): string {
  return value === null ? "null" : Array.isArray(value) ? "an array" : "an object";
}
