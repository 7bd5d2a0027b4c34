import type { ChannelName } from "../../protocol/channel-name.ts";
import type { ChannelRule } from "../channels/rule.ts";
import { type ChannelOptions, ChannelRules } from "../channels/rules.ts";
import type { Settings } from "../config/settings.ts";
import { blocksChannel, blocksRules } from "../hub/blocks.ts";

/** Looks up the options of a channel, and the rule behind them. */
export interface ChannelLookup {
  /** Its options, from the channel rules and the defaults of the settings. */
  readonly rulesOf: (channel: ChannelName) => ChannelOptions;
  /** The rule that applies to it, if there is one. */
  readonly ruleFor: (channel: ChannelName) => ChannelRule | undefined;
}

export function channelLookup(settings: Settings): ChannelLookup {
  const { channelRules, historySize, historyTtlMs: historyTtl, historyBytes, isSecured } = settings;
  const rules = new ChannelRules(channelRules, { historySize, historyTtl, historyBytes, isSecured });
  const rulesOf = (channel: ChannelName) => {
    const options = rules.of(channel);
    return channel === blocksChannel ? { ...options, ...blocksRules } : options;
  };
  return { rulesOf, ruleFor: (channel) => rules.ruleFor(channel) };
}
