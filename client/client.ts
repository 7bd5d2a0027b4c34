import type { SystemFrame } from "../protocol/frames.ts";
import { type Channel, makeChannel } from "./channel.ts";
import type { ChannelOptions } from "./channel-options.ts";
import { ClientError } from "./client-error.ts";
import { makeConnector } from "./connector.ts";
import { Emitter } from "./emitter.ts";
import { type ClientEnvironment, systemEnvironment, type TransportName } from "./environment.ts";
import { makeOutbox } from "./outbox.ts";
import type { ConnectionState } from "./state.ts";
import { makeSubscriptions } from "./subscriptions.ts";
import type { Send } from "./transport.ts";

export interface ClientOptions {
  /** The user, if the server accepts `user_id`. Otherwise the token names the user. */
  readonly userId?: string;
  /** A token, or a function that returns one. It is called before each connection and may take up to ten seconds. */
  readonly token?: string | (() => string | undefined | Promise<string | undefined>);
  /** In order of preference; both by default. */
  readonly transports?: readonly TransportName[];
  /** Stay connected to a server that is shutting down without a successor, until it closes the connection. */
  readonly stay?: boolean;
  /** How many unanswered commands are kept (100). Further ones are refused. */
  readonly queueSize?: number;
}

export interface ClientEvents {
  state: ConnectionState;
  /** Welcome, joined and left notices, `draining`, gaps. */
  system: SystemFrame;
  /** An error that answers no pending command, such as the refusal of a chat message. */
  error: ClientError;
}

/** A client of one server. */
export interface Client {
  readonly state: ConnectionState;
  /** @returns removes the handler */
  on<Name extends keyof ClientEvents>(name: Name, handler: (value: ClientEvents[Name]) => void): () => void;
  /** A channel by its name. Nothing is sent to the server until the channel has a handler. */
  channel<Input = unknown, Data = Input>(name: string, options?: ChannelOptions<Input, Data>): Channel<Input, Data>;
  /** Sends a chat message to everyone. Resolves once it is sent, because chat is not acknowledged. @throws ClientError */
  say(message: string, sender?: string): Promise<void>;
  /** Connects again after the client was closed, or retries at once instead of waiting for the next try. */
  connect(): void;
  /**
   * Closes the client. Pending commands are rejected with `closed`, and so are new ones. Handlers are kept, so that
   * `connect` can be called again. Idempotent.
   */
  close(): void;
}

/**
 * Connects, and reconnects whenever the connection is lost.
 *
 * @param url of the server (`https://push.example.com`) or of its WebSocket endpoint; relative URLs are relative to the page
 * @throws TypeError if it is not a valid URL
 */
export function createClient(
  url: string,
  options: ClientOptions = {},
  environment: ClientEnvironment = systemEnvironment,
): Client {
  const client = makeClient(url, options, environment);
  client.connect();
  return client;
}

/** Makes a client that connects only when `connect` is called. */
export function makeClient(url: string, options: ClientOptions, environment: ClientEnvironment): Client {
  const { token, transports = ["websocket", "sse"], stay = false, queueSize = 100, userId } = options;
  const address = new URL(url, (globalThis as { location?: { href: string } }).location?.href);
  if (userId) address.searchParams.set("user_id", userId);
  const events = new Emitter<ClientEvents>();
  const send: Send = (command, ref) => connector.send(command, ref);
  const outbox = makeOutbox(send, environment, queueSize);
  const subscriptions = makeSubscriptions(outbox, send, environment);
  const connector = makeConnector(
    { url: address, token, transports, stay },
    {
      ...subscriptions,
      onState(state) {
        if (state.status === "closed") end();
        else if (state.status !== "connected") {
          outbox.hold();
          subscriptions.disconnected();
        }
        events.emit("state", state);
      },
      onWelcome(welcome) {
        outbox.hold();
        subscriptions.welcome(welcome);
        outbox.open(welcome);
      },
      onFrame(frame) {
        if (frame.type === "system") events.emit("system", frame);
        if (outbox.settle(frame)) return;
        // A channel of the handshake was refused. The subscribe command that follows gets the same answer and reports it.
        if (frame.type === "error" && subscriptions.has(frame.channel)) return;
        if (frame.type === "error") events.emit("error", new ClientError(frame.code, frame.message));
        else subscriptions.receive(frame);
      },
    },
    environment,
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
      end(); // also if it was never connected
    },
  };
}
