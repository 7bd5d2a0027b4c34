import type { IncomingFrame } from "../protocol/client-codec.ts";
import type { Joined, WelcomeFrame } from "../protocol/frames.ts";
import type { Position } from "../protocol/position.ts";
import { retry } from "./backoff.ts";
import { ClientError } from "./client-error.ts";
import type { Timer } from "./clock.ts";
import { cursorPart } from "./cursor.ts";
import { type ChannelEvents, type ChannelOptions, type Feed, makeFeed } from "./feed.ts";
import type { Goodbye } from "./goodbye.ts";
import type { Outbox } from "./outbox.ts";
import type { Send } from "./transport.ts";
import type { TransportName, World } from "./world.ts";

/** Keeps the server's idea of the channels of this connection the same as ours. */
export interface Subscriptions {
  /** The client was closed: nothing is asked of anybody before it begins anew. */
  readonly isOver: boolean;
  /** How far a channel was read; undefined where nobody listens. */
  positionOf(name: string): Position | undefined;
  /** Somebody listens, and the channel is subscribed to. @returns ends that; the channel is left when nobody listens */
  listen<Name extends keyof ChannelEvents>(
    name: string,
    options: ChannelOptions,
    event: Name,
    handler: (value: ChannelEvents[Name]) => void,
  ): () => void;
  /** The channels and positions for a handshake. */
  describe(transport: TransportName): URLSearchParams;
  welcome(frame: WelcomeFrame): void;
  /** There is no connection now, and another one is on its way. */
  lose(): void;
  /** The client ends. */
  end(): void;
  /** Frames about something else concern nobody. */
  take(frame: IncomingFrame): void;
  /**
   * One channel that is not allowed refuses a whole handshake. So the next one names none of those, and each is asked for
   * by itself; a stream cannot do that.
   * @returns whether the next handshake would be another
   */
  onRefused(goodbye: Goodbye): boolean;
}

/** @param send for commands whose answers nobody waits for */
export function makeSubscriptions(
  { put, drop }: Pick<Outbox, "put" | "drop">,
  send: Send,
  world: Pick<World, "clock" | "random">,
): Subscriptions {
  const feeds = new Map<unknown, Feed>();
  let isConnected = false;
  let scheduled: Timer | undefined;
  let isOver = false;
  let transport: TransportName = "websocket";
  /** What the last handshake named. */
  let named: Feed[] = [];

  /** In a turn of its own: who leaves and comes back in one turn (as React does) never left. */
  function schedule(): void {
    scheduled?.cancel();
    scheduled = world.clock.setTimeout(reconcile, 0);
  }

  function reconcile(): void {
    if (isOver) return;
    for (const feed of feeds.values()) {
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
    // The connection is in it already, and where it stands there is not where this feed wants to begin.
    if (since && isAuto) send({ type: "unsubscribe", channel });
    feed.askedRef = put(
      { type: "subscribe", channel, since },
      (frame) => {
        feed.begin(frame as Joined);
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

  function forget(feed: Feed): void {
    drop(feed.askedRef);
    feed.isJoined = false;
    feed.askedRef = undefined;
  }

  async function load(feed: Feed): Promise<void> {
    if (feed.isLoading) return;
    if (await feed.load()) reconcile();
    else if (!isOver) feed.timer = retry(world, reconcile, feed.failures++);
  }

  return {
    get isOver() {
      return isOver;
    },
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
        // No numbering is called "_": as a position it asks for all that there is.
        const position = progress.position ?? (options.since && isNamedOnly ? { epoch: "_", offset: 0 } : undefined);
        if (!feed.isLoaded || feed.isRefused || (options.since && !position)) continue;
        const part = position ? cursorPart(name, position) : "";
        length += name.length + part.length;
        // What is left over is said in frames: an address of 8 KiB is too long for some proxies, and encoding may make three
        // characters of one.
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
      // By entries: a channel may be called `constructor`.
      for (const [name, joined] of Object.entries(channels)) {
        const feed = feeds.get(name);
        if (feed?.isLoaded) feed.begin(joined);
      }
      reconcile();
    },
    lose() {
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
        feed.events.emit("end", undefined);
      }
    },
    take(frame) {
      const { channel } = frame as { readonly channel?: unknown };
      const feed = feeds.get(channel);
      if (!feed) return;
      if (frame.type === "message") feed.take(frame);
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
