import { limits } from "./limits.ts";

declare const channelNameBrand: unique symbol;

/** A channel's name that passed a parser. Inside the server any UTF-8 of 1 to 512 bytes without control characters. */
export type ChannelName = string & { readonly [channelNameBrand]: true };

/** Everyone's channel: each connection is in it without asking. */
export const everyone = "all" as ChannelName;

/** What a plain channel's name is made of. */
export const plainChannelPattern = /^[A-Za-z0-9_\-=@,.;:/]{1,200}$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const control = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

/** A name as a client of this protocol may write it, personal channels included (whose may be read is for the grants to say). */
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

/** As a part of a URL's path both mean a folder, even when they are percent-encoded, so HTTP could never reach them. */
function isDots(text: string): boolean {
  return text === "." || text === "..";
}

/** The personal channel of a user: `@` and the id. */
export function userChannel(userId: string): ChannelName {
  return `@${userId}` as ChannelName;
}

/** Whose personal channel this is, or undefined for any other name. */
export function userOf(channel: string): string | undefined {
  return channel.startsWith("@") ? parseUserId(channel.slice(1)) : undefined;
}

/** Names that begin with `#` or `$` are the server's own. */
export function isServerChannel(channel: string): boolean {
  return channel.startsWith("#") || channel.startsWith("$");
}

/** What a channel's name must look like, as the end of a sentence. */
export const channelNameRule = `1 to ${limits.channelNameLength} of the characters A-Z a-z 0-9 _ - = @ , . ; : /`;

/** What a user's id must look like, as the end of a sentence. */
export const userIdRule = `1 to ${limits.userIdLength} characters, none of them a control character`;

/** What was wrong with a channel's name that `parseChannelName` refused, as the end of the sentence "expected …". */
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

/** What was wrong with a user's id that `parseUserId` refused, as the end of the sentence "expected …". */
export function userIdRuleFor(value: unknown): string {
  if (typeof value !== "string") return `text of ${userIdRule}`;
  if (isDots(value)) return "an id other than . and .., which no URL can contain";
  if (!value.isWellFormed()) return "an id in valid Unicode, without half of a surrogate pair";
  return userIdRule;
}
