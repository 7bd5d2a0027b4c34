import { type ChannelName, parseChannelName } from "../../protocol/channel-name.ts";

/** What may be done on a channel; reading its history and its presence counts as subscribing. */
export type Verb = "subscribe" | "publish";

/**
 * What a token allows on plain channels and on `all`, as patterns: a channel's name, the beginning of one followed by
 * `*` (`room:*` is `room:1` and `room:a:b`, not `room`), or `*` alone for every channel. Other names never come
 * here: personal channels (`@…`) and the server's own (`#…`, `$…`) cannot be granted.
 */
export class Grants {
  /** As they were given, for people to read. */
  readonly patterns: Readonly<Record<Verb, readonly string[]>>;
  readonly #matchers: Readonly<Record<Verb, Matcher>>;

  /** @param patterns Each must be one that `parsePattern` took. */
  constructor(patterns: Readonly<Record<Verb, readonly string[]>>) {
    this.patterns = patterns;
    this.#matchers = { subscribe: new Matcher(patterns.subscribe), publish: new Matcher(patterns.publish) };
  }

  /** Whether a pattern of this verb covers the channel. */
  allow(verb: Verb, channel: ChannelName): boolean {
    return this.#matchers[verb].matches(channel);
  }
}

/** Of those who came without a token. */
export const noGrants = new Grants({ subscribe: [], publish: [] });

/** A pattern as `Grants` wants it, or undefined. */
export function parsePattern(text: unknown): string | undefined {
  if (typeof text !== "string") return undefined;
  if (text === "*") return text;
  const name = text.endsWith("*") ? text.slice(0, -1) : text;
  // The alphabet has no `*`, `#` or `$`, so only the personal channels are left to refuse.
  return name.startsWith("@") || parseChannelName(name) === undefined ? undefined : text;
}

/** What a pattern must look like, as the end of a sentence. */
export const patternRule = "a channel's name, the beginning of one followed by *, or * alone; none that begins with @";

/** Exact names by lookup, beginnings one by one: there are few of them. */
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
