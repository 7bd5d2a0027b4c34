import type { SystemFrame } from "../protocol/frames.ts";
import { type Client, makeClient } from "./client.ts";
import { ClientError } from "./client-error.ts";
import type { Message } from "./feed.ts";
import type { ConnectionState } from "./state.ts";
import { realWorld, type World } from "./world.ts";

export interface BroadcastClientOptions {
  /** 127.0.0.1 by default. */
  readonly host?: string;
  /** 8000 by default. */
  readonly port?: number;
  /** Who says what is sent. */
  readonly name?: string;
  /** Speak TLS. */
  readonly secure?: boolean;
  readonly userId?: string;
  readonly token?: string;
}

/**
 * A chat client in four verbs: what is said is said to everyone, and what is heard is what everyone hears. It reconnects by
 * itself, and hears then what was said meanwhile. For channels, acknowledgements and the rest: `createClient`.
 */
export class BroadcastClient {
  readonly #client: Client;
  readonly #name: string | undefined;

  constructor(options: BroadcastClientOptions = {}, world: World = realWorld) {
    const { host = "127.0.0.1", port = 8000, name, secure = false, userId, token } = options;
    const address = host.includes(":") ? `[${host}]` : host;
    const identity = { ...(userId === undefined ? {} : { userId }), ...(token === undefined ? {} : { token }) };
    this.#client = makeClient(`${secure ? "wss" : "ws"}://${address}:${port}/ws`, identity, world);
    this.#name = name;
  }

  /**
   * Resolves once the server has said welcome.
   * @throws ClientError "closed" where the first try fails, with how: from then on nothing is tried any more
   */
  connect(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
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
    return promise;
  }

  /**
   * Says something to everyone, this client included; waits for a connection where there is none.
   * @returns resolves once it is sent
   * @throws ClientError "closed" where the client is closed before that
   */
  send(message: string): Promise<void> {
    return this.#client.say(message, this.#name);
  }

  /** What is said to everyone. @returns takes the handler away again; the same for the others */
  onMessage(handler: (message: Message) => void): () => void {
    return this.#client.channel("all").on("message", handler);
  }

  /** What the server says: who came and left, that it shuts down. */
  onSystem(handler: (frame: SystemFrame) => void): () => void {
    return this.#client.on("system", handler);
  }

  onState(handler: (state: ConnectionState) => void): () => void {
    return this.#client.on("state", handler);
  }

  /** Something was refused: chat may be off, or only for some. */
  onError(handler: (error: ClientError) => void): () => void {
    return this.#client.on("error", handler);
  }

  /** Leaves. `connect` begins anew. Idempotent. */
  close(): void {
    this.#client.close();
  }
}
