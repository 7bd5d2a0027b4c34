import type { ClientCommand, IncomingFrame } from "../protocol/client-codec.ts";
import type { Ref, WelcomeFrame } from "../protocol/frames.ts";
import { retry } from "./backoff.ts";
import { ClientError } from "./client-error.ts";
import { cursorPart } from "./cursor.ts";
import { type ChannelEvents, type ChannelOptions, Feed } from "./feed.ts";
import type { Goodbye } from "./goodbye.ts";
import type { TransportName, World } from "./world.ts";

/**
 * Characters of names and positions that the handshake of a WebSocket takes; what is left over is said in frames. An address
 * of 8 KiB is too long for some proxies, and encoding may make three characters of one.
 */
const handshakeLength = 2000;
/** No numbering is called this: as a position it asks for all that there is. */
const beforeAll = { epoch: "_", offset: 0 };

/** Keeps the server's idea of the channels of this connection the same as ours. */
export class Subscriptions {
  readonly #feeds = new Map<string, Feed>();
  readonly #send: (command: ClientCommand, ref?: Ref) => void;
  readonly #world: Pick<World, "clock" | "random">;
  #isConnected = false;
  #isScheduled = false;
  #lastRef = 0;
  #transport: TransportName = "websocket";
  /** What the last handshake named. */
  #named: readonly Feed[] = [];

  constructor(send: (command: ClientCommand, ref?: Ref) => void, world: Pick<World, "clock" | "random">) {
    this.#send = send;
    this.#world = world;
  }

  peek(name: string): Feed | undefined {
    return this.#feeds.get(name);
  }

  /** Somebody listens, and the channel is subscribed to. @returns ends that; the channel is left when nobody listens */
  listen<Name extends keyof ChannelEvents>(
    name: string,
    options: ChannelOptions,
    event: Name,
    handler: (value: ChannelEvents[Name]) => void,
  ): () => void {
    const feed = this.#feeds.get(name) ?? new Feed(name, options);
    this.#feeds.set(name, feed);
    const off = feed.events.on(event, handler);
    this.#schedule();
    return () => {
      off();
      this.#schedule();
    };
  }

  /** The channels and positions for a handshake. */
  describe(transport: TransportName): URLSearchParams {
    const query = new URLSearchParams();
    const parts: string[] = [];
    const named: Feed[] = [];
    let length = 0;
    for (const feed of this.#feeds.values()) {
      const { name, isEverybodys, progress, options } = feed;
      const isNamedOnly = isEverybodys || transport === "sse";
      const position = progress.position ?? (options.since && isNamedOnly ? beforeAll : undefined);
      if (!feed.isLoaded || feed.isDoubtful || (options.since && !position)) continue;
      const part = position ? cursorPart(name, position) : "";
      length += name.length + part.length;
      if (length > handshakeLength && transport !== "sse") break;
      if (part) parts.push(part);
      if (isEverybodys) continue;
      query.append("channel", name);
      named.push(feed);
    }
    if (parts.length) query.set("since", parts.join());
    this.#transport = transport;
    this.#named = named;
    return query;
  }

  welcome({ channels }: WelcomeFrame): void {
    this.#isConnected = true;
    for (const feed of this.#feeds.values()) {
      const joined = channels[feed.name];
      feed.askedRef = undefined;
      feed.isJoined = false;
      if (joined && feed.isLoaded) feed.begin(joined);
    }
    this.#reconcile();
  }

  lose(): void {
    this.#isConnected = false;
  }

  end(): void {
    for (const feed of this.#feeds.values()) feed.events.emit("end", undefined);
  }

  /** @returns false for a frame that is about something else */
  take(frame: IncomingFrame): boolean {
    if (frame.type === "error") return this.#refused(frame);
    if (!("channel" in frame)) return false;
    const feed = this.#feeds.get(frame.channel);
    if (frame.type === "message") feed?.take(frame);
    else if (frame.type === "advance") feed?.progress.skip(frame.offset, "unannounced");
    else if (frame.type === "system") feed?.gap(frame);
    else if (frame.type === "subscribed") {
      if (feed?.askedRef && feed.askedRef === frame.ref) feed.begin(frame);
    } else return frame.type === "unsubscribed";
    if (feed && !feed.isLoaded) this.#schedule();
    return true;
  }

  /**
   * One channel that is not allowed refuses a whole handshake. So the next one names none of those, and each is asked for
   * by itself; a stream cannot do that.
   * @returns whether the next handshake would be another
   */
  refused({ code, reason }: Goodbye): boolean {
    const doubtful = this.#named.filter((feed) => code !== 4501 && !(this.#isConnected && feed.isJoined));
    for (const feed of doubtful) {
      feed.isDoubtful = true;
      if (this.#transport === "sse") feed.events.emit("error", new ClientError("forbidden", reason));
    }
    return doubtful.length > 0;
  }

  #refused(frame: IncomingFrame & { type: "error" }): boolean {
    const feed = [...this.#feeds.values()].find((it) => it.askedRef && it.askedRef === frame.ref);
    if (!feed) return false;
    if (frame.retry_after_ms === undefined) {
      feed.isDoubtful = true;
      feed.events.emit("error", new ClientError(frame.code, frame.message));
    } else {
      const again = () => {
        feed.askedRef = undefined; // asked twice at worst, which the server answers twice
        this.#reconcile();
      };
      retry(this.#world, again, 0, frame.retry_after_ms);
    }
    return true;
  }

  /** In a turn of its own: who leaves and comes back in one turn (as React does) never left. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#world.clock.setTimeout(() => {
      this.#isScheduled = false;
      this.#reconcile();
    }, 0);
  }

  #reconcile(): void {
    for (const feed of this.#feeds.values()) {
      if (feed.isWanted && feed.isLoaded) {
        this.#join(feed);
        continue;
      }
      this.#leave(feed);
      if (feed.isWanted) void this.#load(feed);
      else this.#feeds.delete(feed.name);
    }
  }

  #join(feed: Feed): void {
    const isRefused = feed.isDoubtful && this.#transport === "sse";
    if (!this.#isConnected || feed.isJoined || feed.askedRef || isRefused) return;
    feed.askedRef = `s${++this.#lastRef}`;
    const since = feed.progress.position ?? feed.options.since;
    // The connection is in it already, and where it stands there is not where this feed wants to begin.
    if (since && feed.isEverybodys) this.#send({ type: "unsubscribe", channel: feed.name });
    this.#send({ type: "subscribe", channel: feed.name, ...(since && { since }) }, feed.askedRef);
  }

  #leave(feed: Feed): void {
    const isThere = feed.isJoined || feed.askedRef;
    feed.isJoined = false;
    feed.askedRef = undefined;
    if (isThere && !feed.isEverybodys) this.#send({ type: "unsubscribe", channel: feed.name });
  }

  async #load(feed: Feed): Promise<void> {
    if (feed.isLoading) return;
    if (await feed.load()) this.#reconcile();
    else retry(this.#world, () => this.#reconcile(), feed.failures);
  }
}
