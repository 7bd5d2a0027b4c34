import type { HistoryOptions, PublishOptions } from "./channel.ts";
import type { ChannelOptions } from "./channel-options.ts";
import type { ClientOptions } from "./client.ts";
import type { OptionTable } from "./known-options.ts";

const client: OptionTable<ClientOptions> = {
  ...{ userId: true, token: true, transports: true, stay: true, queueSize: true, WebSocket: true },
};
const channel: OptionTable<ChannelOptions> = { schema: true, since: true, getState: true };
const publish: OptionTable<PublishOptions> = {
  ...{ id: true, message: true, event: true, sender: true, key: true, headers: true, ephemeral: true, echo: true },
};
const history: OptionTable<HistoryOptions> = { since: true, limit: true };

/** The options that each call of the SDK accepts. */
export const optionNames = {
  client: Object.keys(client),
  channel: Object.keys(channel),
  publish: Object.keys(publish),
  history: Object.keys(history),
};
