import type { AckFrame } from "../protocol/frames.ts";
import type { PublishOptions } from "./channel.ts";
import type { Client } from "./client.ts";
import type { ClientError } from "./client-error.ts";
import type { ChannelOptions, Message } from "./feed.ts";
import type { Gap } from "./progress.ts";
import type { ConnectionState } from "./state.ts";

/**
 * What is used of React (18 or later; Preact with its compat layer has the same). The SDK depends on no package, so the
 * hooks are made from the React that a program has, once: `export const { useChannel, useConnection } = makeHooks(React)`.
 */
export interface ReactHooks {
  useState<T>(initial: T): readonly [T, (next: T | ((before: T) => T)) => void];
  useEffect(effect: () => () => void, dependencies: readonly unknown[]): void;
  useRef<T>(initial: T): { current: T };
  useCallback<T extends (...args: never[]) => unknown>(callback: T, dependencies: readonly unknown[]): T;
  useSyncExternalStore<T>(subscribe: (changed: () => void) => () => void, get: () => T, getOnServer: () => T): T;
}

/** `schema`, `since` and `getState` are those of the first rendering with this client and name; handlers are always the last. */
export interface UseChannelOptions<Input, Data> extends ChannelOptions<Input, Data> {
  /** How many of the last messages are kept for rendering; 100 by default. */
  readonly keep?: number;
  /** For each message, outside of rendering. */
  readonly onMessage?: (message: Message<Data>) => void;
  readonly onGap?: (gap: Gap) => void;
}

/** A channel as a component sees it. */
export interface ChannelView<Input, Data> {
  /** Oldest first; since the last state, where there is one. */
  readonly messages: readonly Message<Data>[];
  /** What `getState` returned last. */
  readonly state: unknown;
  /** The last error of the channel. */
  readonly error: ClientError | undefined;
  readonly publish: (data?: Input, options?: PublishOptions) => Promise<AckFrame>;
}

export interface Hooks {
  /** How the client stands to its server; renders again with each change. */
  useConnection(client: Client): ConnectionState;
  /** Listens as long as the component is there, and renders again with each message. */
  useChannel<Input = unknown, Data = Input>(
    client: Client,
    name: string,
    options?: UseChannelOptions<Input, Data>,
  ): ChannelView<Input, Data>;
}

/** The hooks, made from a program's own React. */
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

/** What came since listening began; of another channel than the one that is rendered, it is nothing. */
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
  const nothing: View<Data> = { client, name, messages: [], state: undefined, error: undefined };
  const [last, setView] = react.useState(nothing);
  const latest = react.useRef(options);
  // Not while rendering: a rendering may be thrown away.
  react.useEffect(() => {
    latest.current = options;
    return () => {};
  }, [options]);
  react.useEffect(() => {
    setView(nothing);
    return listen(client, name, latest, setView);
  }, [client, name]);
  const publish = react.useCallback(
    (data?: Input, more?: PublishOptions) => client.channel(name, latest.current).publish(data, more),
    [client, name],
  );
  const { messages, state, error } = last.client === client && last.name === name ? last : nothing;
  return { messages, state, error, publish };
}

/**
 * In strict mode React mounts everything twice, in one turn: the channel is left for a moment, which nobody outside of this
 * turn sees. State is changed by pure functions, which React may call twice; handlers are called outside of them.
 */
function listen<Input, Data>(
  client: Client,
  name: string,
  latest: { readonly current: UseChannelOptions<Input, Data> },
  setView: (change: (before: View<Data>) => View<Data>) => void,
): () => void {
  const channel = client.channel(name, latest.current);
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
