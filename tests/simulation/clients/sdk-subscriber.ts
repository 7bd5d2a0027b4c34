import { type Client, makeClient } from "../../../client/client.ts";
import type { ClientError } from "../../../client/client-error.ts";
import type { ClientEnvironment } from "../../../client/environment.ts";
import type { Presence } from "../../../client/presence.ts";
import { makePresence } from "../../../client/presence.ts";
import type { Transport } from "../../../client/transport.ts";
import { encodeClientFrame } from "../../../protocol/client-codec.ts";
import { type Position, parseCursor } from "../../../protocol/position.ts";
import type { ClientPlan } from "../plan.ts";
import type { ClientContext } from "./client-context.ts";
import { FrameChecker } from "./frame-checker.ts";
import { type ClientHost, Link } from "./link.ts";
import type { Subscriber } from "./subscriber.ts";

/** The real SDK in a simulated environment. */
export class SdkSubscriber implements Subscriber {
  readonly host: ClientHost;
  readonly plan: ClientPlan;
  links: Link[] = [];
  /** Publications that are not acknowledged yet. */
  unsettled = 0;
  notices = 0;
  sentTakesOver = false;
  /** The presence of each channel as the SDK reports it. */
  readonly presences = new Map<string, Presence>();
  #client: Client | undefined;
  readonly #simulation: ClientContext;
  readonly #name: string;
  readonly #seen = new Map<string, Position>();
  #wake: () => void = () => undefined;

  constructor(simulation: ClientContext, plan: ClientPlan, host: ClientHost) {
    this.#simulation = simulation;
    this.plan = plan;
    this.host = host;
    this.#name = host.process.name;
  }

  start(): void {
    const { userId, channels } = this.plan;
    const options = { transports: ["websocket" as const], ...(userId === undefined ? {} : { userId }) };
    const client = makeClient("ws://simulation.test/", options, this.#environment());
    client.connect();
    this.#client = client;
    for (const channel of channels) this.#listen(client, channel);
    client.on("system", ({ event }) => {
      if (event === "joined" || event === "left") this.notices++;
    });
  }

  get isConnected(): boolean {
    return this.#client?.state.status === "connected";
  }

  get hasEnded(): boolean {
    return this.#client?.state.status === "closed";
  }

  get endedWith(): string {
    return `${this.#client?.state.code} ${this.#client?.state.reason}`;
  }

  positionOf(channel: string): Position | undefined {
    return this.#client?.channel(channel).position;
  }

  leave(): void {
    this.#client?.close();
  }

  /** The page notices that its machine was asleep. */
  wake(): void {
    this.#wake();
  }

  publish(channel: string, id: string, message: string): void {
    if (this.#client === undefined || this.hasEnded) return;
    this.unsettled++;
    this.#client
      .channel(channel)
      .publish(undefined, { id, message })
      .then(
        ({ epoch, offset }) => {
          this.unsettled--;
          if (epoch === undefined || offset === undefined) return;
          this.#simulation.history.acknowledged++;
          this.#simulation.history.observe(`${this.#name} (ack)`, channel, { epoch, offset }, id);
        },
        (_: ClientError) => {
          this.unsettled--;
        },
      );
  }

  #listen(client: Client, name: string): void {
    const { history } = this.#simulation;
    const channel = client.channel(name);
    channel.on("message", ({ offset, id }) => {
      const before = this.#seen.get(name);
      const position = channel.position;
      if (offset === undefined || position === undefined) return;
      const isNext = before === undefined || (before.epoch === position.epoch && offset === before.offset + 1);
      history.expect(
        isNext,
        "contiguous or announced",
        () => `${this.#name}: ${name} ${offset} after ${before?.offset}`,
      );
      history.observe(`${this.#name} (sdk)`, name, { epoch: position.epoch, offset }, id);
      this.#seen.set(name, { epoch: position.epoch, offset });
    });
    channel.on("presence", (presence) => void this.presences.set(name, presence));
    channel.on("gap", ({ epoch, to, reason }) => {
      const text = () => `${this.#name}: ${name} has a hole up to ${to} that nobody announced`;
      history.expect(reason !== "unannounced", "contiguous or announced", text);
      this.#seen.set(name, { epoch, offset: to });
    });
  }

  #environment(): ClientEnvironment {
    const { process } = this.host;
    return {
      clock: process,
      random: () => process.dice.next(),
      transports: { websocket: () => this.#transport(), sse: () => this.#transport() },
      presence: async () => makePresence,
      isOnline: () => true,
      onWake: (wake) => {
        this.#wake = wake;
        return () => {
          this.#wake = () => undefined;
        };
      },
    };
  }

  #transport(): Transport {
    return ({ query }, events) => {
      this.sentTakesOver = query.has("takes_over");
      const checker = new FrameChecker(
        this.#name,
        this.#simulation,
        parseCursor(query.get("since") ?? "") ?? new Map(),
      );
      const link = new Link(
        this.host,
        this.#simulation.pickNode(this.host.process),
        { query: `${query}`, speaksBatches: true },
        {
          onFrames: (frames) => {
            for (const frame of frames) checker.take(frame);
            events.onFrames(frames);
          },
          onEnd: (code, reason) => {
            this.links = this.links.filter((it) => it !== link);
            events.onEnd({ code, reason });
          },
        },
      );
      this.links.push(link);
      return {
        send: (command, ref) => {
          if (command.type === "subscribe") {
            checker.asks(command.channel, typeof command.since === "object" ? command.since : undefined);
          }
          link.send(encodeClientFrame(command, ref));
        },
        close: () => link.close(),
      };
    };
  }
}
