import type { ChannelName } from "../../protocol/channel-name.ts";
import { type ChannelAccess, type ChannelPresence, type ChannelRule, matches } from "./rule.ts";

/** The resolved options of one channel. */
export interface ChannelOptions {
  /** The pattern of the rule that applies; undefined for the defaults. */
  readonly match?: string;
  /** Maximum number of publications; 0: no history. */
  readonly historySize: number;
  /** Milliseconds. */
  readonly historyTtl: number;
  readonly historyBytes: number;
  readonly presence: ChannelPresence;
  readonly presenceEvents: boolean;
  readonly subscribe: ChannelAccess | "hook";
  readonly publish: ChannelAccess;
}

/** The defaults for channels without a rule, and for fields that a rule omits. */
export interface ChannelDefaults {
  readonly historySize: number;
  /** Milliseconds. */
  readonly historyTtl: number;
  readonly historyBytes: number;
  /** If true, subscribing, publishing and seeing the users need a grant by default. */
  readonly isSecured: boolean;
}

/** 100 000 names of about 50 bytes and a pointer each: about 10 MB. */
const maxCached = 100_000;

/**
 * Resolves the options of channels from the rules of the settings file. The first match wins. Results are cached; all channels
 * of a rule share one object, so an entry is only a name and a pointer.
 */
export class ChannelRules {
  readonly #rules: readonly { readonly rule: ChannelRule; readonly options: ChannelOptions }[];
  readonly #defaults: ChannelOptions;
  readonly #cache = new Map<ChannelName, ChannelOptions>();
  readonly #maxCached: number;

  /** @param capacity maximum number of cached channels; tests make it small */
  constructor(rules: readonly ChannelRule[], defaults: ChannelDefaults, capacity = maxCached) {
    const { isSecured, ...history } = defaults;
    const access: ChannelAccess = isSecured ? "token" : "anyone";
    this.#defaults = {
      ...history,
      presence: isSecured ? "granted" : "on",
      presenceEvents: false,
      subscribe: access,
      publish: access,
    };
    this.#rules = rules.map((rule) => {
      const { place: _, ...options } = rule;
      return { rule, options: { ...this.#defaults, ...options } };
    });
    this.#maxCached = capacity;
  }

  /** The number of cached channels. */
  get cached(): number {
    return this.#cache.size;
  }

  of(channel: ChannelName): ChannelOptions {
    if (this.#rules.length === 0) return this.#defaults;
    const known = this.#cache.get(channel);
    if (known !== undefined) return known;
    const options = this.#rules.find(({ rule }) => matches(rule.match, channel))?.options ?? this.#defaults;
    // Clearing the cache is cheaper than tracking the order of use, and resolving again is cheap.
    if (this.#cache.size >= this.#maxCached) this.#cache.clear();
    this.#cache.set(channel, options);
    return options;
  }

  /** The rule that applies to a channel, as written in the settings; undefined if no rule matches. */
  ruleFor(channel: ChannelName): ChannelRule | undefined {
    return this.#rules.find(({ rule }) => matches(rule.match, channel))?.rule;
  }
}
