import { limits } from "./limits.ts";

declare const channelNameBrand: unique symbol;

/** A channel name that has been parsed. Inside the server: any UTF-8 of 1 to 512 bytes without control characters. */
export type ChannelName = string & { readonly [channelNameBrand]: true };

/** The channel of everyone: every connection is subscribed to it automatically. */
export const everyone = "all" as ChannelName;

/** The alphabet of plain channel names. */
export const plainChannelPattern = /^[A-Za-z0-9_\-=@,.;:/]{1,200}$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it matches
const control = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

/** Accepts the names that clients may send, personal channels included. Who may read a personal channel is up to the grants. */
export function parseChannelName(text: unknown): ChannelName | undefined {
  if (typeof text !== "string") return undefined;
  if (text.startsWith("@")) return userOf(text) === undefined ? undefined : (text as ChannelName);
  return plainChannelPattern.test(text) && !isDots(text) ? (text as ChannelName) : undefined;
}

/** A user's id: 1 to 128 characters, none a control character, no half of a surrogate pair, and neither `.` nor `..`. */
export function parseUserId(text: unknown): string | undefined {
  if (typeof text !== "string" || text.length === 0 || text.length > limits.userIdLength) return undefined;
  return control.test(text) || !text.isWellFormed() || isDots(text) ? undefined : text;
}

/** In the path of a URL `.` and `..` mean a folder even when percent-encoded, so they could never be addressed over HTTP. */
export function isDots(text: string): boolean {
  return text === "." || text === "..";
}

/** The personal channel of a user: `@` followed by the id. */
export function userChannel(userId: string): ChannelName {
  return `@${userId}` as ChannelName;
}

/** The user whose personal channel this is, or undefined for any other name. */
export function userOf(channel: string): string | undefined {
  return channel.startsWith("@") ? parseUserId(channel.slice(1)) : undefined;
}

/** Names that begin with `#` or `$` are reserved for the server. */
export function isServerChannel(channel: string): boolean {
  return channel.startsWith("#") || channel.startsWith("$");
}

/** The rule for channel names, worded as the end of a sentence. */
export const channelNameRule = `1 to ${limits.channelNameLength} of the characters A-Z a-z 0-9 _ - = @ , . ; : /`;

/** The rule for user ids, worded as the end of a sentence. */
export const userIdRule = `1 to ${limits.userIdLength} characters, none of them a control character`;

/** Why `parseChannelName` refused a value, worded as the end of the sentence "expected …". */
export function channelNameRuleFor(value: unknown): string {
  if (typeof value !== "string") return `text: ${channelNameRule}`;
  if (value.includes("*")) {
    return "the name of one channel: patterns with * are for tokens and channel rules. Name each channel, or publish to one that all of them join";
  }
  if (isServerChannel(value)) return "a name that does not begin with # or $: such names are reserved for the server";
  if (isDots(value)) return "a name other than . and .., which no URL can contain";
  if (value.startsWith("@")) return `@ and a user's id: ${userIdRuleFor(value.slice(1))}`;
  return channelNameRule;
}

/** Why `parseUserId` refused a value, worded as the end of the sentence "expected …". */
export function userIdRuleFor(value: unknown): string {
  if (typeof value !== "string") return `text of ${userIdRule}`;
  if (isDots(value)) return "an id other than . and .., which no URL can contain";
  if (!value.isWellFormed()) return "an id in valid Unicode, without half of a surrogate pair";
  return userIdRule;
}
