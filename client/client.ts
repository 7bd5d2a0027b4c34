import type { SystemFrame } from "../protocol/frames.ts";
import { type Channel, makeChannel } from "./channel.ts";
import { ClientError } from "./client-error.ts";
import { makeConnector } from "./connector.ts";
import { Emitter } from "./emitter.ts";
import type { ChannelOptions } from "./feed.ts";
import { makeOutbox } from "./outbox.ts";
import type { ConnectionState } from "./state.ts";
import { makeSubscriptions } from "./subscriptions.ts";
import type { Send } from "./transport.ts";
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

/** A client of one server. */
export interface Client {
  readonly state: ConnectionState;
  /** @returns takes the handler away again */
  on<Name extends keyof ClientEvents>(name: Name, handler: (value: ClientEvents[Name]) => void): () => void;
  /** A channel by its name. Nothing is asked of the server before somebody listens. */
  channel<Input = unknown, Data = Input>(name: string, options?: ChannelOptions<Input, Data>): Channel<Input, Data>;
  /** Text to everyone, as in a chat; resolves once it is sent, since nothing answers it. @throws ClientError */
  say(message: string, sender?: string): Promise<void>;
  /** Begins anew after an end, or tries at once where the next try is waited for. */
  connect(): void;
  /**
   * Ends: what waits for an answer is refused with `closed`, and so is what is asked from now on. Handlers stay, so that
   * `connect` can begin anew. Idempotent.
   */
  close(): void;
}

/**
 * Connects, and stays connected.
 *
 * @param url of the server (`https://push.example.com`), or of its WebSocket endpoint
 * @throws TypeError for anything but a URL; relative ones are relative to the page
 */
export function createClient(url: string, options: ClientOptions = {}, world: World = realWorld): Client {
  const client = makeClient(url, options, world);
  client.connect();
  return client;
}

/** A client that connects only when told to. */
export function makeClient(url: string, options: ClientOptions, world: World): Client {
  const { token, transports = ["websocket", "sse"], stay = false, queueSize = 100, userId } = options;
  const address = new URL(url, (globalThis as { location?: { href: string } }).location?.href);
  if (userId) address.searchParams.set("user_id", userId);
  const events = new Emitter<ClientEvents>();
  const send: Send = (command, ref) => connector.send(command, ref);
  const outbox = makeOutbox(send, world, queueSize);
  const subscriptions = makeSubscriptions(outbox, send, world);
  const connector = makeConnector(
    { url: address, token, transports, stay },
    {
      ...subscriptions,
      onState(state) {
        if (state.status === "closed") end();
        else if (state.status !== "connected") {
          outbox.begin();
          subscriptions.lose();
        }
        events.emit("state", state);
      },
      onWelcome(welcome) {
        outbox.begin();
        subscriptions.welcome(welcome);
        outbox.open(welcome);
      },
      onFrame(frame) {
        if (frame.type === "system") events.emit("system", frame);
        if (outbox.settle(frame)) return;
        if (frame.type === "error") events.emit("error", new ClientError(frame.code, frame.message));
        else subscriptions.take(frame);
      },
    },
    world,
  );

  function end(): void {
    subscriptions.end();
    outbox.close(connector.state.reason);
  }

  return {
    get state() {
      return connector.state;
    },
    on: (name, handler) => events.on(name, handler),
    channel: (name, more = {}) => makeChannel(name, more, subscriptions, outbox),
    say: (message, sender) => outbox.ask({ type: "message", message, sender }),
    connect: connector.connect,
    close() {
      connector.close();
      end(); // also where it never began
    },
  };
}
