import type { SystemFrame } from "../protocol/frames.ts";
import { type Channel, makeChannel } from "./channel.ts";
import type { ChannelOptions } from "./channel-options.ts";
import { ClientError } from "./client-error.ts";
import { type ConnectorOptions, makeConnector } from "./connector.ts";
import { makeEmitter } from "./emitter.ts";
import { type ClientEnvironment, systemEnvironment } from "./environment.ts";
import { makeOutbox } from "./outbox.ts";
import type { ConnectionState } from "./state.ts";
import { makeSubscriptions } from "./subscriptions.ts";
import type { Send } from "./transport.ts";

export interface ClientOptions extends ConnectorOptions {
  /** The user, if the server accepts `user_id`. Otherwise the token names the user. */
  readonly userId?: string | undefined;
  /** How many unanswered commands are kept (100). Further ones are refused. */
  readonly queueSize?: number | undefined;
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
export function createClient(url: string, options: ClientOptions = {}): Client {
  const client = makeClient(url, options, systemEnvironment);
  client.connect();
  return client;
}

/** Makes a client that connects only when `connect` is called. */
export function makeClient(url: string, options: ClientOptions, environment: ClientEnvironment): Client {
  const { queueSize = 100, userId } = options;
  const address = new URL(url, (globalThis as { location?: { href: string } }).location?.href);
  if (userId) address.searchParams.set("user_id", userId);
  const events = makeEmitter<ClientEvents>();
  const send: Send = (command, ref) => connector.send(command, ref);
  const outbox = makeOutbox(send, environment, queueSize);
  const subscriptions = makeSubscriptions(outbox, send, environment);
  const connector = makeConnector(
    address,
    options,
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
        // A channel of the handshake was refused. The subscribe command that follows gets the same answer and reports it.
        if (outbox.settle(frame) || subscriptions.receive(frame)) return;
        if (frame.type === "error") events.emit("error", new ClientError(frame.code, frame.message));
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
    on: events.on,
    channel: (name, more = {}) => makeChannel(name, more, subscriptions, outbox),
    say: (message, sender) => outbox.ask({ type: "message", message, sender }),
    connect: connector.connect,
    close() {
      connector.close();
      end(); // even if it was never connected
    },
  };
}
