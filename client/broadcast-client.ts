import type { SystemFrame } from "../protocol/frames.ts";
import type { Message } from "./channel-options.ts";
import { type Client, makeClient } from "./client.ts";
import { ClientError } from "./client-error.ts";
import { type ClientEnvironment, systemEnvironment } from "./environment.ts";
import { type OptionTable, refuseUnknownOptions } from "./known-options.ts";
import type { ConnectionState } from "./state.ts";

export interface BroadcastClientOptions {
  /** 127.0.0.1 by default. */
  readonly host?: string | undefined;
  /** 8000 by default. */
  readonly port?: number | undefined;
  /** The sender name of messages sent by this client. */
  readonly name?: string | undefined;
  /** Use TLS. */
  readonly secure?: boolean | undefined;
  readonly userId?: string | undefined;
  readonly token?: string | undefined;
}

const optionTable: OptionTable<BroadcastClientOptions> = {
  ...{ host: true, port: true, name: true, secure: true, userId: true, token: true },
};

/**
 * A chat client with four methods. It sends messages to everyone, and receives all messages that are sent to everyone. After
 * a reconnect it receives the messages it missed. For channels, acknowledgements and the rest, use `createClient`.
 */
export class BroadcastClient {
  readonly #client: Client;
  readonly #name: string | undefined;

  /** @throws TypeError for an unknown option */
  constructor(options: BroadcastClientOptions = {}, environment: ClientEnvironment = systemEnvironment) {
    refuseUnknownOptions("BroadcastClient", options, Object.keys(optionTable));
    const { host = "127.0.0.1", port = 8000, name, secure = false, userId, token } = options;
    const address = host.includes(":") ? `[${host}]` : host;
    const identity = { ...(userId === undefined ? {} : { userId }), ...(token === undefined ? {} : { token }) };
    this.#client = makeClient(`${secure ? "wss" : "ws"}://${address}:${port}/ws`, identity, environment);
    this.#name = name;
  }

  /**
   * Resolves after the server's welcome.
   * @throws ClientError "closed" if the first try fails; the message says why, and there is no retry
   */
  connect(): Promise<void> {
    return new Promise((resolve, reject) => {
      const off = this.#client.on("state", (state) => settle(state));
      const settle = ({ status, code, reason }: ConnectionState): void => {
        if (status === "connecting") return;
        off();
        if (status === "connected") {
          resolve();
          return;
        }
        this.#client.close();
        reject(new ClientError("closed", `no connection: ${reason} (${code})`));
      };
      this.#client.connect();
      settle(this.#client.state);
    });
  }

  /**
   * Sends a message to everyone, this client included. Waits for a connection if there is none.
   * @returns resolves once the message is sent
   * @throws ClientError "closed" if the client is closed before that, "too-large" if it is larger than the server's limit
   */
  send(message: string): Promise<void> {
    return this.#client.say(message, this.#name);
  }

  /** Messages sent to everyone. @returns removes the handler; the same for the methods below */
  onMessage(handler: (message: Message) => void): () => void {
    return this.#client.channel("all").on("message", handler);
  }

  /** System frames: clients joined or left, the server is shutting down. */
  onSystem(handler: (frame: SystemFrame) => void): () => void {
    return this.#client.on("system", handler);
  }

  onState(handler: (state: ConnectionState) => void): () => void {
    return this.#client.on("state", handler);
  }

  /** The server refused something: chat may be off, or limited to some users. */
  onError(handler: (error: ClientError) => void): () => void {
    return this.#client.on("error", handler);
  }

  /** Disconnects. `connect` can be called again. Idempotent. */
  close(): void {
    this.#client.close();
  }
}
