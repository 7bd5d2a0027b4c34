import type { ChannelName } from "../../../protocol/channel-name.ts";
import type { IncomingFrame } from "../../../protocol/client-codec.ts";
import type { Timer } from "../../../server/lib/clock.ts";
import { PresenceObserver } from "../../presence/observer.ts";
import { heartbeat } from "../sim-node.ts";
import type { ClientContext } from "./client-context.ts";
import { type ClientHost, Link } from "./link.ts";

/** How long a watcher waits before it connects or asks again, milliseconds. */
const retryMs = 700;
/** How long it waits for an answer. */
const answerMs = 8000;

/**
 * Follows the presence of a channel as documented: over a WebSocket, or over an event stream plus HTTP requests to any node.
 */
export class PresenceWatcher {
  readonly faults: string[] = [];
  observer = new PresenceObserver();
  readonly userId: string;
  readonly #simulation: ClientContext;
  readonly #host: ClientHost;
  readonly #channel: ChannelName;
  readonly #isStream: boolean;
  #link: Link | undefined;
  #isJoined = false;
  #isAsking = false;
  #silence: Timer | undefined;

  constructor(
    simulation: ClientContext,
    host: ClientHost,
    { channel, isStream }: { readonly channel: ChannelName; readonly isStream: boolean },
  ) {
    this.#simulation = simulation;
    this.#host = host;
    this.#channel = channel;
    this.#isStream = isStream;
    this.userId = host.process.name;
  }

  /** The users that it shows; undefined while it is asking. */
  get users(): readonly string[] | undefined {
    return this.observer.mustAsk ? undefined : this.observer.users;
  }

  start(): void {
    const query = `user_id=${this.userId}&channel=${encodeURIComponent(this.#channel)}`;
    this.observer = new PresenceObserver();
    this.#isJoined = false;
    this.#isAsking = false;
    const node = this.#simulation.pickNode(this.#host.process);
    const link = new Link(
      this.#host,
      node,
      { query, speaksBatches: false, isStream: this.#isStream },
      {
        onPing: () => this.#restartSilenceTimer(),
        onFrames: (frames) => {
          this.#restartSilenceTimer();
          if (link === this.#link) for (const frame of frames) this.#take(frame);
        },
        onEnd: () => {
          if (link !== this.#link) return;
          this.#link = undefined;
          this.#host.process.setTimeout(() => this.start(), retryMs);
        },
      },
    );
    this.#link = link;
    this.#restartSilenceTimer();
  }

  /** A server that is alive pings: longer silence means that the connection is dead. */
  #restartSilenceTimer(): void {
    this.#silence?.cancel();
    this.#silence = this.#host.process.setTimeout(() => this.#link?.close(), 2.5 * heartbeat.interval);
  }

  #take(frame: IncomingFrame): void {
    if (frame.type === "system" && frame.event === "welcome") this.#isJoined = true;
    if (frame.type === "error") this.#askLater();
    if ("channel" in frame && frame.channel === this.#channel) {
      if (frame.type === "presence" && !("event" in frame)) this.#isAsking = false;
      this.observer.take(frame);
    }
    this.faults.push(...this.observer.faults.splice(0));
    if (this.#isJoined && this.observer.mustAsk) this.#ask();
  }

  #ask(): void {
    if (this.#isAsking) return;
    this.#isAsking = true;
    const asked = this.#link;
    if (this.#isStream) this.#request();
    else asked?.send(JSON.stringify({ type: "presence", channel: this.#channel }));
    this.#host.process.setTimeout(() => {
      if (this.#link === asked && this.#isAsking) this.#askAgain();
    }, answerMs);
  }

  #askLater(): void {
    const asked = this.#link;
    this.#host.process.setTimeout(() => {
      if (this.#link === asked) this.#askAgain();
    }, retryMs);
  }

  #askAgain(): void {
    this.#isAsking = false;
    if (this.observer.mustAsk) this.#ask();
  }

  /** `GET /v1/channels/{channel}/presence` at a node that is not the stream's. */
  #request(): void {
    const { process } = this.#host;
    const node = this.#simulation.pickNode(process);
    const asked = this.#link;
    const answer = (run: () => void) => process.post(process.timeline.now + process.dice.between(1, 50), run);
    node.process.post(process.timeline.now + process.dice.between(1, 50), () => {
      node.hub.presence.read(this.#channel, "").then(
        (frame) => answer(() => this.#link === asked && this.#take(frame)),
        () => answer(() => this.#link === asked && this.#askLater()),
      );
    });
  }
}
