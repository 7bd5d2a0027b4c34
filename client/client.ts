import type { IncomingFrame } from "../protocol/client-codec.ts";
import type { SystemFrame } from "../protocol/frames.ts";
import { Channel } from "./channel.ts";
import { ClientError } from "./client-error.ts";
import { Connector } from "./connector.ts";
import { Emitter } from "./emitter.ts";
import type { ChannelOptions } from "./feed.ts";
import { Outbox } from "./outbox.ts";
import type { ConnectionState } from "./state.ts";
import { Subscriptions } from "./subscriptions.ts";
import { realWorld, type TransportName, type World } from "./world.ts";

export interface ClientOptions {
  /** Who this is, on a server that believes it; else the token says so. */
  readonly userId?: string;
  /** A token, or what gives one: it is asked before each connection, and may take up to ten seconds. */
  readonly token?: string | (() => string | undefined | Promise<string | undefined>);
  /** In the order of preference; both by default. */
  readonly transports?: readonly TransportName[];
  /** Stay with a server that shuts down and has no successor, until it closes the connection. */
  readonly stay?: boolean;
  /** Commands without an answer that are kept (100); further ones are refused. */
  readonly queueSize?: number;
}

export interface ClientEvents {
  state: ConnectionState;
  /** Welcome, notices of who came and left, `draining`, gaps. */
  system: SystemFrame;
  /** A refusal that belongs to nothing that waits for an answer, such as one of a chat message. */
  error: ClientError;
}

/**
 * Connects, and stays connected.
 *
 * @param url of the server (`https://push.example.com`), or of its WebSocket endpoint
 * @throws TypeError for anything but a URL; relative ones are relative to the page
 */
export function createClient(url: string, options: ClientOptions = {}, world: World = realWorld): Client {
  const client = new Client(url, options, world);
  client.connect();
  return client;
}

/** A client of one server. */
export class Client {
  readonly #connector: Connector;
  readonly #outbox: Outbox;
  readonly #subscriptions: Subscriptions;
  readonly #emitter = new Emitter<ClientEvents>();

  /** Connects only when told to: see `createClient`. */
  constructor(url: string, options: ClientOptions, world: World) {
    const { token, transports = ["websocket", "sse"], stay = false, queueSize = 100, userId } = options;
    const address = new URL(url, (globalThis as { location?: { href: string } }).location?.href);
    if (userId) address.searchParams.set("user_id", userId);
    const give = typeof token === "function" ? token : () => token;
    this.#connector = new Connector(
      { url: address, token: give, transports, stay },
      {
        onState: (state) => this.#changed(state),
        describe: (transport) => this.#subscriptions.describe(transport),
        onWelcome: (welcome) => {
          this.#subscriptions.welcome(welcome);
          this.#outbox.open();
        },
        onFrame: (frame) => this.#take(frame),
        onRefused: (goodbye) => this.#subscriptions.refused(goodbye),
      },
      world,
    );
    const send = this.#connector.send.bind(this.#connector);
    this.#outbox = new Outbox(send, world, queueSize);
    this.#subscriptions = new Subscriptions(send, world);
  }

  get state(): ConnectionState {
    return this.#connector.state;
  }

  /** @returns takes the handler away again */
  on<Name extends keyof ClientEvents>(name: Name, handler: (value: ClientEvents[Name]) => void): () => void {
    return this.#emitter.on(name, handler);
  }

  /** A channel by its name. Nothing is asked of the server before somebody listens. */
  channel<Input = unknown, Data = Input>(
    name: string,
    options: ChannelOptions<Input, Data> = {},
  ): Channel<Input, Data> {
    return new Channel(name, options, this.#subscriptions, this.#outbox);
  }

  /** Text to everyone, as in a chat; resolves once it is sent, since nothing answers it. @throws ClientError */
  say(message: string, sender?: string): Promise<void> {
    return this.#outbox.ask({ type: "message", message, ...(sender && { sender }) });
  }

  /** Begins anew after an end, or tries at once where the next try is waited for. */
  connect(): void {
    this.#connector.connect();
  }

  /** Ends: handlers stay, so that `connect` can begin anew; what waits for an answer is refused. Idempotent. */
  close(): void {
    this.#connector.close();
  }

  #changed(state: ConnectionState): void {
    if (state.status !== "connected") {
      this.#subscriptions.lose();
      this.#outbox.lose();
    }
    if (state.status === "closed") {
      this.#outbox.clear(state.reason);
      this.#subscriptions.end();
    }
    this.#emitter.emit("state", state);
  }

  #take(frame: IncomingFrame): void {
    if (frame.type === "system") this.#emitter.emit("system", frame);
    if (this.#outbox.settle(frame) || this.#subscriptions.take(frame) || frame.type !== "error") return;
    this.#emitter.emit("error", new ClientError(frame.code, frame.message));
  }
}
