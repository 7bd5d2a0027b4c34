import type { IncomingFrame } from "../protocol/client-codec.ts";
import type { WelcomeFrame } from "../protocol/frames.ts";
import type { Position } from "../protocol/position.ts";
import { retry } from "./backoff.ts";
import type { ChannelEvents, ChannelOptions } from "./channel-options.ts";
import type { Timer } from "./clock.ts";
import type { CloseInfo } from "./close-info.ts";
import type { ClientEnvironment, TransportName } from "./environment.ts";
import { type Feed, type FeedContext, isAuto, makeFeed } from "./feed.ts";
import type { Outbox } from "./outbox.ts";
import type { MakePresence } from "./presence.ts";
import type { Send } from "./transport.ts";

/** Keeps the server's subscriptions of this connection in step with the channels that have handlers. */
export interface Subscriptions {
  /** Whether the client was closed. Nothing is sent until it connects again. */
  readonly isOver: boolean;
  /** The position a channel was read to; undefined if it has no handlers. */
  positionOf(name: string): Position | undefined;
  /** Adds a handler and subscribes. @returns removes the handler; without handlers the channel is unsubscribed */
  listen<Name extends keyof ChannelEvents>(
    name: string,
    options: ChannelOptions,
    event: Name,
    handler: (value: ChannelEvents[Name]) => void,
  ): () => void;
  /** Puts the channels and positions into the query of a handshake. */
  describe(transport: TransportName, query: URLSearchParams): void;
  welcome(frame: WelcomeFrame): void;
  /** The connection is lost, and another one is being opened. */
  disconnected(): void;
  /** The client was closed. */
  end(): void;
  /** Ignores frames of channels without handlers. @returns whether the frame is about a channel that has handlers */
  receive(frame: IncomingFrame): boolean;
  /**
   * The server refused a handshake, perhaps because of its channels: too many, or a name that it does not accept. The next
   * handshake leaves out those that were not joined before, and subscribes to each by a command. A stream cannot do that.
   * @returns whether the next handshake would differ
   */
  onRefused(closeInfo: CloseInfo): boolean;
}

/** @param send for commands whose answers are not needed */
export function makeSubscriptions(
  outbox: Pick<Outbox, "put" | "drop">,
  send: Send,
  environment: Pick<ClientEnvironment, "clock" | "random" | "presence">,
): Subscriptions {
  const feeds = new Map<unknown, Feed>();
  let scheduled: Timer | undefined;
  /** The channels named in the last handshake. */
  let named: Feed[] = [];
  let makePresence: MakePresence | undefined;
  let isPresenceAsked = false;
  const context: FeedContext = {
    isConnected: false,
    isOver: false,
    transport: "websocket",
    outbox,
    send,
    environment,
    loadedPresence() {
      if (!isPresenceAsked) loadPresence(0);
      return makePresence;
    },
    schedule,
  };

  /** Runs in a later turn: removing and adding a handler in one turn, as React does, has no effect. */
  function schedule(): void {
    scheduled?.cancel();
    scheduled = environment.clock.setTimeout(reconcile, 0);
  }

  function reconcile(): void {
    if (context.isOver) return;
    for (const [name, feed] of feeds) if (!feed.reconcile()) feeds.delete(name);
  }

  function loadPresence(failures: number): void {
    isPresenceAsked = true;
    environment.presence().then(
      (loaded) => {
        makePresence = loaded;
        reconcile();
      },
      () => void retry(environment, () => loadPresence(failures + 1), failures),
    );
  }

  return {
    get isOver() {
      return context.isOver;
    },
    positionOf: (name) => feeds.get(name)?.position,
    listen(name, options, event, handler) {
      const feed = feeds.get(name) ?? makeFeed(name, options, context);
      feeds.set(name, feed);
      const off = feed.on(event, handler);
      schedule();
      return () => {
        off();
        schedule();
      };
    },
    describe(transport, query) {
      const parts: string[] = [];
      let length = 0;
      context.transport = transport;
      named = [];
      for (const [name, feed] of feeds as Map<string, Feed>) {
        const part = feed.describe();
        if (part === undefined) continue;
        length += name.length + part.length;
        // Channels that do not fit are subscribed to by commands: some proxies refuse URLs of 8 KiB, and percent-encoding
        // triples some characters.
        if (length > 2000 && transport !== "sse") break;
        if (part) parts.push(part);
        if (isAuto(name)) continue;
        query.append("channel", name);
        named.push(feed);
      }
      if (parts.length) query.set("since", parts.join());
    },
    welcome({ channels }) {
      context.isConnected = true;
      for (const feed of feeds.values()) feed.forget();
      // Object.entries, because a channel may be called `constructor`.
      for (const [name, joined] of Object.entries(channels)) feeds.get(name)?.welcome(joined);
      reconcile();
    },
    disconnected() {
      context.isConnected = context.isOver = false;
      schedule();
    },
    end() {
      if (context.isOver) return;
      context.isOver = true;
      context.isConnected = false;
      for (const feed of feeds.values()) feed.end();
    },
    receive(frame) {
      const feed = feeds.get((frame as { readonly channel?: unknown }).channel);
      feed?.receive(frame);
      return !!feed;
    },
    onRefused: ({ code, reason }) => code !== 4501 && named.filter((feed) => feed.refuse(reason)).length > 0,
  };
}
