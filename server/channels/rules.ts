import type { ChannelName } from "../../protocol/channel-name.ts";
import { type ChannelAccess, type ChannelPresence, type ChannelRule, matches } from "./rule.ts";

/** Everything that holds for one channel. The first three are what a log asks for with each draft. */
export interface ChannelOptions {
  /** Publications kept; 0 keeps none. */
  readonly historySize: number;
  /** Milliseconds. */
  readonly historyTtl: number;
  readonly historyBytes: number;
  readonly presence: ChannelPresence;
  readonly subscribe: ChannelAccess;
  readonly publish: ChannelAccess;
}

/** What holds where no rule matches, and for what a rule leaves out. */
export interface ChannelDefaults {
  readonly historySize: number;
  /** Milliseconds. */
  readonly historyTtl: number;
  readonly historyBytes: number;
  /** Without a rule, subscribing, publishing and seeing who is in a channel then need a grant. */
  readonly isSecured: boolean;
}

/** 100 000 names of some 50 bytes and a pointer each: about 10 MB. */
const maxRemembered = 100_000;

/**
 * The options of each channel by the rules of the file: the first that matches wins. A channel is resolved once and
 * remembered; all channels of one rule share one object, so what is remembered is the name and a pointer.
 */
export class ChannelRules {
  readonly #rules: readonly { readonly match: string; readonly options: ChannelOptions }[];
  readonly #otherwise: ChannelOptions;
  readonly #remembered = new Map<ChannelName, ChannelOptions>();
  readonly #maxRemembered: number;

  /** @param capacity Channels remembered; tests make it small. */
  constructor(rules: readonly ChannelRule[], defaults: ChannelDefaults, capacity = maxRemembered) {
    const { isSecured, ...history } = defaults;
    const access: ChannelAccess = isSecured ? "token" : "anyone";
    this.#otherwise = { ...history, presence: isSecured ? "granted" : "on", subscribe: access, publish: access };
    this.#rules = rules.map(({ match, ...options }) => ({ match, options: { ...this.#otherwise, ...options } }));
    this.#maxRemembered = capacity;
  }

  /** How many channels are remembered. */
  get remembered(): number {
    return this.#remembered.size;
  }

  of(channel: ChannelName): ChannelOptions {
    if (this.#rules.length === 0) return this.#otherwise;
    const known = this.#remembered.get(channel);
    if (known !== undefined) return known;
    const options = this.#rules.find(({ match }) => matches(match, channel))?.options ?? this.#otherwise;
    // Beginning anew is cheaper than keeping an order of use, and resolving is cheap.
    if (this.#remembered.size >= this.#maxRemembered) this.#remembered.clear();
    this.#remembered.set(channel, options);
    return options;
  }
}
