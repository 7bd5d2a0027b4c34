import { channelNameRuleFor, parseChannelName, parseUserId, userIdRuleFor } from "../../protocol/channel-name.ts";
import { ConfigError } from "../config/settings.ts";
import { parseDuration } from "../lib/duration.ts";

/**
 * Makes what commander calls for the value of a flag or an argument.
 * @param name as it is written: `--port`, or `channel` for an argument
 * @param rule the end of the sentence `--port: expected …`, or a function that makes it for what was written
 */
export function checked<Value>(
  name: string,
  rule: string | ((text: string) => string),
  parse: (text: string) => Value | undefined,
) {
  return (text: string): Value => {
    const value = parse(text);
    if (value !== undefined) return value;
    const expected = typeof rule === "string" ? rule : rule(text);
    throw new ConfigError([`${name}: expected ${expected}, got ${JSON.stringify(text.slice(0, 100))}`]);
  };
}

/** A whole number. */
export function wholeNumberOf(name: string, { min, max }: { readonly min: number; readonly max: number }) {
  return checked(name, `a whole number from ${min} to ${max}`, (text) => {
    const number = /^[0-9]{1,15}$/.test(text) ? Number(text) : -1;
    return number >= min && number <= max ? number : undefined;
  });
}

/** A time, in milliseconds. */
export function durationOf(name: string) {
  return checked(name, "a time such as 250ms, 5s or 2m", parseDuration);
}

/** A channel that a client may name; without other users' own ones the server decides. */
export function channelOf(name: string) {
  return checked(name, channelNameRuleFor, (text) => parseChannelName(text));
}

/** Several channels, one after the other, as commander gathers them. */
export function channelsOf(name: string) {
  const parse = channelOf(name);
  return (text: string, before: readonly string[] | undefined) => [...new Set([...(before ?? []), parse(text)])];
}

/** A user. */
export function userOf(name: string) {
  return checked(name, userIdRuleFor, parseUserId);
}

/** JSON, as the text it came as: parsed and written again it would lose 64-bit numbers. */
export function jsonTextOf(name: string) {
  return checked(name, 'JSON, such as 42, "text" or {"price":42}', (text) => {
    try {
      JSON.parse(text);
      return text.trim();
    } catch {
      return undefined; // the rule says it better than the parser
    }
  });
}
