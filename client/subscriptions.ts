import type { IncomingFrame } from "../protocol/client-codec.ts";
import type { Joined, WelcomeFrame } from "../protocol/frames.ts";
import type { Position } from "../protocol/position.ts";
import { retry } from "./backoff.ts";
import type { ChannelEvents, ChannelOptions } from "./channel-options.ts";
import { ClientError } from "./client-error.ts";
import type { Timer } from "./clock.ts";
import type { CloseInfo } from "./close-info.ts";
import { cursorPart } from "./cursor.ts";
import type { ClientEnvironment, TransportName } from "./environment.ts";
import { type Feed, makeFeed } from "./feed.ts";
import type { Outbox } from "./outbox.ts";
import { makePresence } from "./presence.ts";
import type { Send } from "./transport.ts";

/** How long `getState` may take before it is called again. Milliseconds. */
const stateMs = 30_000;

/** Keeps the server's subscriptions of this connection in step with the channels that have handlers. */
export interface Subscriptions {
  /** Whether the client was closed. Nothing is sent until it connects again. */
  readonly isOver: boolean;
  /** Whether a channel has handlers. */
  has(name: string | undefined): boolean;
  /** The position a channel was read to; undefined if it has no handlers. */
  positionOf(name: string): Position | undefined;
  /** Adds a handler and subscribes. @returns removes the handler; without handlers the channel is unsubscribed */
  listen<Name extends keyof ChannelEvents>(
    name: string,
    options: ChannelOptions,
    event: Name,
    handler: (value: ChannelEvents[Name]) => void,
  ): () => void;
  /** The channels and positions for a handshake. */
  describe(transport: TransportName): URLSearchParams;
  welcome(frame: WelcomeFrame): void;
  /** The connection is lost, and another one is being opened. */
  disconnected(): void;
  /** The client was closed. */
  end(): void;
  /** Ignores frames of channels without handlers. */
  receive(frame: IncomingFrame): void;
  /**
   * The server refused a handshake, perhaps because of its channels: too many, or a name that it does not accept. The next
   * handshake leaves out those that were not joined before, and subscribes to each by a command. A stream cannot do that.
   * @returns whether the next handshake would differ
   */
  onRefused(closeInfo: CloseInfo): boolean;
}

/** @param send for commands whose answers are not needed */
export function makeSubscriptions(
  { put, drop }: Pick<Outbox, "put" | "drop">,
  send: Send,
  environment: Pick<ClientEnvironment, "clock" | "random">,
): Subscriptions {
  const feeds = new Map<unknown, Feed>();
  let isConnected = false;
  let scheduled: Timer | undefined;
  let isOver = false;
  let transport: TransportName = "websocket";
  /** The channels named in the last handshake. */
  let named: Feed[] = [];

  /** Runs in a later turn: removing and adding a handler in one turn, as React does, has no effect. */
  function schedule(): void {
    scheduled?.cancel();
    scheduled = environment.clock.setTimeout(reconcile, 0);
  }

  function reconcile(): void {
    if (isOver) return;
    for (const feed of feeds.values()) {
      watchPresence(feed);
      if (feed.events.size && feed.isLoaded) join(feed);
      else {
        leave(feed);
        if (feed.events.size) void load(feed);
        else feeds.delete(feed.name);
      }
    }
  }

  function join(feed: Feed): void {
    const { name: channel, isAuto, isRefused, progress, options } = feed;
    if (!isConnected || feed.isJoined || feed.askedRef || (isRefused && transport === "sse")) return;
    const since = progress.position ?? options.since;
    // The server has already subscribed this connection, but from another position than this feed needs.
    if (since && isAuto) send({ type: "unsubscribe", channel });
    feed.askedRef = put(
      { type: "subscribe", channel, since },
      (frame) => {
        feed.joined(frame as Joined);
        watchPresence(feed);
        if (!feed.isLoaded) schedule();
      },
      (error) => {
        feed.isRefused = true;
        feed.events.emit("error", error);
      },
    );
  }

  function leave(feed: Feed): void {
    const isThere = feed.isJoined || feed.askedRef;
    forget(feed);
    if (isThere && !feed.isAuto) send({ type: "unsubscribe", channel: feed.name });
  }

  function watchPresence(feed: Feed): void {
    const { name, events, isJoined, presence } = feed;
    const isWanted = isJoined && events.has("presence");
    if (isWanted === !!presence) return;
    presence?.stop();
    feed.presence = isWanted
      ? makePresence(
          name,
          put,
          environment.clock,
          (it) => events.emit("presence", it),
          (error) => events.emit("error", error),
        )
      : undefined;
  }

  function forget(feed: Feed): void {
    feed.presence?.stop();
    feed.presence = undefined;
    drop(feed.askedRef);
    feed.isJoined = false;
    feed.askedRef = undefined;
  }

  async function load(feed: Feed): Promise<void> {
    if (feed.isLoading) return;
    feed.isLoading = true;
    try {
      await feed.load(
        new Promise((_, stop) => {
          feed.stop = stop;
          feed.timer = environment.clock.setTimeout(() => stop(new Error("getState takes too long")), stateMs);
        }),
      );
    } catch (cause) {
      if (!isOver) feed.events.emit("error", new ClientError("no-state", `${cause}`, cause));
    }
    feed.isLoading = false;
    feed.timer?.cancel();
    if (feed.isLoaded) reconcile();
    else if (!isOver) feed.timer = retry(environment, reconcile, feed.failures++);
  }

  return {
    get isOver() {
      return isOver;
    },
    has: (name) => feeds.has(name),
    positionOf: (name) => feeds.get(name)?.progress.position,
    listen(name, options, event, handler) {
      const feed = feeds.get(name) ?? makeFeed(name, options);
      feeds.set(name, feed);
      const off = feed.events.on(event, handler);
      schedule();
      return () => {
        off();
        schedule();
      };
    },
    describe(by) {
      const query = new URLSearchParams();
      const parts: string[] = [];
      let length = 0;
      transport = by;
      named = [];
      for (const feed of feeds.values()) {
        const { name, isAuto, progress, options } = feed;
        const isNamedOnly = isAuto || by === "sse";
        // "_" is no valid epoch of any channel: a position with it asks for the whole history.
        const position = progress.position ?? (options.since && isNamedOnly ? { epoch: "_", offset: 0 } : undefined);
        if (!feed.isLoaded || feed.isRefused || (options.since && !position)) continue;
        const part = position ? cursorPart(name, position) : "";
        length += name.length + part.length;
        // Channels that do not fit are subscribed to by commands: some proxies refuse URLs of 8 KiB, and percent-encoding
        // triples some characters.
        if (length > 2000 && by !== "sse") break;
        if (part) parts.push(part);
        if (isAuto) continue;
        query.append("channel", name);
        named.push(feed);
      }
      if (parts.length) query.set("since", parts.join());
      return query;
    },
    welcome({ channels }) {
      isConnected = true;
      for (const feed of feeds.values()) forget(feed);
      // Object.entries, because a channel may be called `constructor`.
      for (const [name, joined] of Object.entries(channels)) {
        const feed = feeds.get(name);
        if (feed?.isLoaded) feed.joined(joined);
      }
      reconcile();
    },
    disconnected() {
      isConnected = false;
      if (isOver) schedule();
      isOver = false;
    },
    end() {
      if (isOver) return;
      isOver = true;
      isConnected = false;
      for (const feed of feeds.values()) {
        forget(feed);
        feed.timer?.cancel();
        feed.stop?.(new Error("closed"));
        feed.events.emit("end", undefined);
      }
    },
    receive(frame) {
      const { channel } = frame as { readonly channel?: unknown };
      const feed = feeds.get(channel);
      if (!feed) return;
      if (frame.type === "presence") {
        if ("event" in frame) feed.presence?.receive(frame);
      } else if (frame.type === "message") feed.receive(frame);
      else if (frame.type === "advance") feed.progress.skip(frame.offset);
      else if ("to" in frame) feed.gap(frame);
      if (!feed.isLoaded) schedule();
    },
    onRefused({ code, reason }) {
      const doubtful = named.filter((feed) => code !== 4501 && !(isConnected && feed.isJoined));
      for (const feed of doubtful) {
        feed.isRefused = true;
        if (transport === "sse") feed.events.emit("error", new ClientError("forbidden", reason));
      }
      return doubtful.length > 0;
    },
  };
}
