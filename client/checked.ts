/**
 * The SDK as it is loaded outside of browsers, and by bundlers during development: unknown options are refused, and values that
 * cannot work. Pages in production load index.ts, which ignores them and is smaller.
 */
import type { Channel } from "./channel.ts";
import { type Client, type ClientOptions, createClient as create } from "./client.ts";
import { refuseUnknownOptions } from "./known-options.ts";
import { optionNames } from "./option-names.ts";
import { refuseNoName, refuseWrongValues } from "./option-values.ts";

export * from "./index.ts";

/**
 * See client.ts.
 * @throws TypeError also for an option that cannot work, and for an unknown one here and in the methods of channels
 */
export function createClient(url: string, options?: ClientOptions): Client {
  refuseUnknownOptions("createClient", options, optionNames.client);
  refuseWrongValues(url, options ?? {}, (globalThis as { location?: { href: string } }).location?.href);
  const client = create(url, options ?? {});
  const channel: Client["channel"] = (name, more) => {
    refuseNoName(name);
    refuseUnknownOptions("channel", more, optionNames.channel);
    return checkedChannel(client.channel(name, more));
  };
  return inherit(client, { channel });
}

function checkedChannel<Input, Data>(channel: Channel<Input, Data>): Channel<Input, Data> {
  const publish: typeof channel.publish = async (data, more) => {
    refuseUnknownOptions("publish", more, optionNames.publish);
    return channel.publish(data, more);
  };
  const history: typeof channel.history = async (more) => {
    refuseUnknownOptions("history", more, optionNames.history);
    return channel.history(more);
  };
  return inherit(channel, { publish, history });
}

/** The same object with some methods replaced. Not a copy, because it has properties that change. */
function inherit<T extends object>(base: T, methods: Partial<T>): T {
  return Object.assign(Object.create(base), methods);
}
