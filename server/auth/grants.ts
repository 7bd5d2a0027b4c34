import { type ChannelName, parseChannelName } from "../../protocol/channel-name.ts";

/**
 * The rights that a token can grant in a channel. `subscribe` includes reading history; `presence` means seeing the users.
 */
export type Verb = (typeof verbs)[number];

export const verbs = ["subscribe", "publish", "presence"] as const;

/** The patterns of a token, by what they allow. */
export interface GrantedPatterns {
  readonly subscribe: readonly string[];
  readonly publish: readonly string[];
  /** Default: those of `subscribe`. */
  readonly presence?: readonly string[] | undefined;
}

/**
 * The channels that a token allows, as patterns: a channel name, a prefix followed by `*` (`room:*` matches `room:1` and
 * `room:a:b`, but not `room`), or `*` for every channel. Users' channels (`@…`) and the server's own (`#…`, `$…`) cannot be
 * granted.
 */
export class Grants {
  /** The patterns as given, for display. */
  readonly patterns: GrantedPatterns;
  readonly #matchers: Readonly<Record<Verb, Matcher>>;

  /** @param patterns each must have passed `parsePattern` */
  constructor(patterns: GrantedPatterns) {
    this.patterns = patterns;
    const subscribe = new Matcher(patterns.subscribe);
    const presence = patterns.presence === undefined ? subscribe : new Matcher(patterns.presence);
    this.#matchers = { subscribe, presence, publish: new Matcher(patterns.publish) };
  }

  /** The pattern of this verb that covers the channel; undefined if none does. */
  find(verb: Verb, channel: ChannelName): string | undefined {
    return this.#matchers[verb].find(channel);
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

  find(channel: ChannelName): string | undefined {
    if (this.#names.has(channel)) return channel;
    const beginning = this.#beginnings.find((it) => channel.startsWith(it));
    return beginning === undefined ? undefined : `${beginning}*`;
  }
}
