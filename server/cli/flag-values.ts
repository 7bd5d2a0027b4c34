import { channelNameRuleFor, parseChannelName, parseUserId, userIdRuleFor } from "../../protocol/channel-name.ts";
import { ConfigError } from "../config/settings.ts";
import { formatDuration, parseDuration } from "../lib/duration.ts";

/**
 * Makes a commander parser for the value of a flag or argument.
 * @param name as the user writes it: `--port`, or `channel` for an argument
 * @param rule completes the sentence `--port: expected …`; a function may build it from the given text
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

export function wholeNumberOf(name: string, { min, max }: { readonly min: number; readonly max: number }) {
  return checked(name, `a whole number from ${min} to ${max}`, (text) => {
    const number = /^[0-9]{1,15}$/.test(text) ? Number(text) : -1;
    return number >= min && number <= max ? number : undefined;
  });
}

/** A time, in milliseconds. @param range in seconds */
export function durationOf(name: string, range?: { readonly min: number; readonly max: number }) {
  if (range === undefined) return checked(name, "a time such as 250ms, 5s or 2m", parseDuration);
  const [least, most] = [range.min * 1000, range.max * 1000];
  return checked(name, `a time from ${formatDuration(least)} to ${formatDuration(most)}`, (text) => {
    const ms = parseDuration(text);
    return ms !== undefined && ms >= least && ms <= most ? ms : undefined;
  });
}

/** A channel name. Whether the channel may be used is for the server to decide. */
export function channelOf(name: string) {
  return checked(name, channelNameRuleFor, (text) => parseChannelName(text));
}

/** A list of channels, given as several arguments. */
export function channelsOf(name: string) {
  const parse = channelOf(name);
  return (text: string, before: readonly string[] | undefined) => [...new Set([...(before ?? []), parse(text)])];
}

export function userOf(name: string) {
  return checked(name, userIdRuleFor, parseUserId);
}

/** JSON, returned as text: parsing and serialising it would lose 64-bit numbers. */
export function jsonTextOf(name: string) {
  return checked(name, 'JSON, such as 42, "text" or {"price":42}', (text) => {
    try {
      JSON.parse(text);
      return text.trim();
    } catch {
      return undefined; // `rule` is a better message than the parser's
    }
  });
}
