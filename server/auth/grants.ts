import { type ChannelName, parseChannelName } from "../../protocol/channel-name.ts";

/** What a client can do in a channel. Reading history and presence counts as subscribing. */
export type Verb = "subscribe" | "publish";

/**
 * The channels that a token allows, as patterns: a channel name, a prefix followed by `*` (`room:*` matches `room:1` and
 * `room:a:b`, but not `room`), or `*` for every channel. Users' channels (`@…`) and the server's own (`#…`, `$…`) cannot be
 * granted.
 */
export class Grants {
  /** The patterns as given, for display. */
  readonly patterns: Readonly<Record<Verb, readonly string[]>>;
  readonly #matchers: Readonly<Record<Verb, Matcher>>;

  /** @param patterns each must have passed `parsePattern` */
  constructor(patterns: Readonly<Record<Verb, readonly string[]>>) {
    this.patterns = patterns;
    this.#matchers = { subscribe: new Matcher(patterns.subscribe), publish: new Matcher(patterns.publish) };
  }

  /** Whether a pattern of this verb covers the channel. */
  allow(verb: Verb, channel: ChannelName): boolean {
    return this.#matchers[verb].matches(channel);
  }
}

/** The grants of a client without a token. */
export const noGrants = new Grants({ subscribe: [], publish: [] });

/** Returns the text if it is a valid pattern, otherwise undefined. */
export function parsePattern(text: unknown): string | undefined {
  if (typeof text !== "string") return undefined;
  if (text === "*") return text;
  const name = text.endsWith("*") ? text.slice(0, -1) : text;
  // Channel names cannot contain `*`, `#` or `$`, so only users' channels are left to reject.
  return name.startsWith("@") || parseChannelName(name) === undefined ? undefined : text;
}

/** Completes the sentence "expected …" in errors about patterns. */
export const patternRule = "a channel name, a prefix followed by *, or * alone, and not beginning with @";

/** Matches exact names by lookup and prefixes one by one, because there are few of them. */
class Matcher {
  readonly #names: ReadonlySet<string>;
  readonly #beginnings: readonly string[];

  constructor(patterns: readonly string[]) {
    this.#names = new Set(patterns.filter((pattern) => !pattern.endsWith("*")));
    this.#beginnings = patterns.filter((pattern) => pattern.endsWith("*")).map((pattern) => pattern.slice(0, -1));
  }

  matches(channel: ChannelName): boolean {
    return this.#names.has(channel) || this.#beginnings.some((beginning) => channel.startsWith(beginning));
  }
}
