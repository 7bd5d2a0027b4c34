import type { ChannelName } from "../../protocol/channel-name.ts";
import { type ChannelOptions, ChannelRules } from "../channels/rules.ts";
import type { Settings } from "../config/settings.ts";
import { blocksChannel, blocksRules } from "../hub/blocks.ts";

/** Makes the function that returns a channel's options, from the channel rules and the defaults of the settings. */
export function channelOptionsOf(settings: Settings): (channel: ChannelName) => ChannelOptions {
  const { channelRules, historySize, historyTtlMs: historyTtl, historyBytes, isSecured } = settings;
  const rules = new ChannelRules(channelRules, { historySize, historyTtl, historyBytes, isSecured });
  return (channel) => {
    const options = rules.of(channel);
    return channel === blocksChannel ? { ...options, ...blocksRules } : options;
  };
}
