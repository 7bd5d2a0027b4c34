import type { ChannelName } from "../../protocol/channel-name.ts";
import { type ChannelOptions, ChannelRules } from "../channels/rules.ts";
import type { Settings } from "../config/settings.ts";

/** Makes the function that knows a channel's options: by the rules of the settings, and their defaults. */
export function channelOptionsOf(settings: Settings): (channel: ChannelName) => ChannelOptions {
  const { channelRules, historySize, historyTtlMs: historyTtl, historyBytes, isSecured } = settings;
  const rules = new ChannelRules(channelRules, { historySize, historyTtl, historyBytes, isSecured });
  return (channel) => rules.of(channel);
}
