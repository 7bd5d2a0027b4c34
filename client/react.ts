import type { AckFrame } from "../protocol/frames.ts";
import type { PublishOptions } from "./channel.ts";
import type { ChannelOptions, Message } from "./channel-options.ts";
import type { Client } from "./client.ts";
import type { ClientError } from "./client-error.ts";
import { type OptionTable, refuseUnknownOptions } from "./known-options.ts";
import type { Gap } from "./progress.ts";
import type { ConnectionState } from "./state.ts";

/**
 * The part of React that is used (18 or later; Preact with its compat layer has the same). The SDK has no dependencies, so
 * the program passes its own React, once: `export const { useChannel, useConnection } = makeHooks(React)`.
 */
export interface ReactHooks {
  useState<T>(initial: T): readonly [T, (next: T | ((before: T) => T)) => void];
  useEffect(effect: () => () => void, dependencies: readonly unknown[]): void;
  useRef<T>(initial: T): { current: T };
  useCallback<T extends (...args: never[]) => unknown>(callback: T, dependencies: readonly unknown[]): T;
  useSyncExternalStore<T>(subscribe: (changed: () => void) => () => void, get: () => T, getOnServer: () => T): T;
}

/** `schema`, `since` and `getState` are read on the first render with this client and name. Handlers are always the latest. */
export interface UseChannelOptions<Input, Data> extends ChannelOptions<Input, Data> {
  /** How many of the latest messages are kept for rendering; 100 by default. */
  readonly keep?: number | undefined;
  /** Called for each message, outside of rendering. */
  readonly onMessage?: ((message: Message<Data>) => void) | undefined;
  readonly onGap?: ((gap: Gap) => void) | undefined;
}

const optionTable: OptionTable<UseChannelOptions<unknown, unknown>> = {
  ...{ schema: true, since: true, getState: true, keep: true, onMessage: true, onGap: true },
};
const optionNames = Object.keys(optionTable);

/** A channel as a component sees it. */
export interface ChannelView<Input, Data> {
  /** Oldest first; only those after the latest state, if there is one. */
  readonly messages: readonly Message<Data>[];
  /** What `getState` returned last. */
  readonly state: unknown;
  /** The last error of the channel. */
  readonly error: ClientError | undefined;
  readonly publish: (data?: Input, options?: PublishOptions) => Promise<AckFrame>;
}

export interface Hooks {
  /** The state of the connection. Renders again on each change. */
  useConnection(client: Client): ConnectionState;
  /** Subscribes while the component is mounted, and renders again on each message. */
  useChannel<Input = unknown, Data = Input>(
    client: Client,
    name: string,
    options?: UseChannelOptions<Input, Data>,
  ): ChannelView<Input, Data>;
}

/** Makes the hooks from the program's own React. */
export function makeHooks(react: ReactHooks): Hooks {
  return {
    useConnection(client) {
      const subscribe = react.useCallback((changed: () => void) => client.on("state", changed), [client]);
      const get = () => client.state;
      return react.useSyncExternalStore(subscribe, get, get);
    },
    useChannel: (client, name, options = {}) => useChannel(react, client, name, options),
  };
}

/** The messages since the subscription began. Ignored if they belong to another channel than the rendered one. */
interface View<Data> {
  readonly client: Client;
  readonly name: string;
  readonly messages: readonly Message<Data>[];
  readonly state: unknown;
  readonly error: ClientError | undefined;
}

function useChannel<Input, Data>(
  react: ReactHooks,
  client: Client,
  name: string,
  options: UseChannelOptions<Input, Data>,
): ChannelView<Input, Data> {
  refuseUnknownOptions("useChannel", options, optionNames);
  const nothing: View<Data> = { client, name, messages: [], state: undefined, error: undefined };
  const [last, setView] = react.useState(nothing);
  const latest = react.useRef(options);
  // In an effect, because React may discard a render.
  react.useEffect(() => {
    latest.current = options;
    return () => {};
  }, [options]);
  react.useEffect(() => {
    setView(nothing);
    return listen(client, name, latest, setView);
  }, [client, name]);
  const publish = react.useCallback(
    (data?: Input, more?: PublishOptions) => client.channel(name, channelOptionsOf(latest.current)).publish(data, more),
    [client, name],
  );
  const { messages, state, error } = last.client === client && last.name === name ? last : nothing;
  return { messages, state, error, publish };
}

/**
 * In strict mode React mounts twice in one turn: the channel loses its handlers and gets them back before the client notices.
 * State is changed by pure functions, which React may call twice; handlers are called outside of them.
 */
function listen<Input, Data>(
  client: Client,
  name: string,
  latest: { readonly current: UseChannelOptions<Input, Data> },
  setView: (change: (before: View<Data>) => View<Data>) => void,
): () => void {
  const channel = client.channel(name, channelOptionsOf(latest.current));
  const offs = [
    channel.on("message", (message) => {
      const { keep = 100, onMessage } = latest.current;
      setView((view) => ({ ...view, messages: [...view.messages, message].slice(-keep) }));
      onMessage?.(message);
    }),
    channel.on("state", (state) => setView((view) => ({ ...view, messages: [], error: undefined, state }))),
    channel.on("gap", (gap) => latest.current.onGap?.(gap)),
    channel.on("error", (error) => setView((view) => ({ ...view, error }))),
  ];
  return () => {
    for (const off of offs) off();
  };
}

function channelOptionsOf<Input, Data>(options: UseChannelOptions<Input, Data>): ChannelOptions<Input, Data> {
  const { schema, since, getState } = options;
  return { schema, since, getState };
}
