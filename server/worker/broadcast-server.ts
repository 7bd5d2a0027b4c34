import { everyone } from "../../protocol/channel-name.ts";
import { parseObject } from "../../protocol/fields.ts";
import { parseUndirected, type Undirected } from "../api/draft.ts";
import { EmbeddedBroker } from "../broker/embedded/broker.ts";
import { limitsOf } from "../broker/log-limits.ts";
import { MemoryLog } from "../broker/memory/log.ts";
import { MemoryCluster } from "../cluster/memory/cluster.ts";
import { loadSettings } from "../config/load.ts";
import type { Settings } from "../config/settings.ts";
import { readTextFile } from "../config/text-file.ts";
import { systemClock } from "../lib/clock.ts";
import type { Session } from "../session/session.ts";
import { FanfareServer } from "./fanfare-server.ts";

/**
 * Settings by the names of docs/options.md in camelCase: `{ port: 0, historySize: 5000, shutdownTimeout: "5s" }`.
 * Neither the environment nor any file is read.
 */
export type BroadcastServerOptions = Readonly<Record<string, string | number | boolean | readonly unknown[]>>;

/** A connection, as a program around the server sees it. */
export interface ConnectedClient {
  readonly connectionId: string;
  /** Undefined for one without a user. */
  readonly userId: string | undefined;
  /** Such as `127.0.0.1:52341`. */
  readonly remoteAddress: string;
}

/** What a client said to everyone. */
export interface ReceivedMessage {
  readonly message: string;
  readonly sender: string | undefined;
  readonly client: ConnectedClient;
}

/** Text, or a value that becomes `data` as JSON. */
export type Broadcast = string | { readonly message?: string; readonly data?: unknown; readonly event?: string };

type Handler<T> = (value: T) => void;

/**
 * The server inside another Bun program. Several in one process do not know each other. Its defaults are those of
 * `fanfare start`, but that it sends nothing by itself and that `stop` does not wait for clients to leave.
 */
export class BroadcastServer {
  readonly #settings: Settings;
  readonly #onConnect = new Set<Handler<ConnectedClient>>();
  readonly #onDisconnect = new Set<Handler<ConnectedClient>>();
  readonly #onMessage = new Set<Handler<ReceivedMessage>>();
  #server: FanfareServer | undefined;

  /** @throws Error (ConfigError) with `problems`, each naming the option and its rule */
  constructor(options: BroadcastServerOptions = {}) {
    const quiet = { notificationInterval: 0, shutdownTimeout: 0 };
    const inputs = { env: {}, flags: new Map(), configPath: undefined, readText: readOnlyNamedFiles };
    this.#settings = loadSettings({ ...inputs, options: { ...quiet, ...options } }).settings;
  }

  /**
   * Listens. Port 0 lets the system choose: the answer says which.
   * @throws Error where it is running already, or with the code EADDRINUSE where the port is taken
   */
  async start(): Promise<{ readonly host: string; readonly port: number; readonly url: string }> {
    if (this.#server !== undefined) throw new Error("the server is running already: stop it first");
    const log = new MemoryLog(limitsOf(this.#settings));
    const broker = new EmbeddedBroker(log, systemClock);
    const server = new FanfareServer(this.#settings, {
      broker,
      directory: broker,
      cluster: MemoryCluster.alone(systemClock),
      clock: systemClock,
      listeners: {
        onWelcomed: (session) => call(this.#onConnect, clientOf(session)),
        onLeft: (session) => call(this.#onDisconnect, clientOf(session)),
        onChat: ({ message, sender }, session) => call(this.#onMessage, { message, sender, client: clientOf(session) }),
      },
    });
    this.#server = server;
    try {
      const { host, port, isTls } = await server.start();
      return { host, port, url: `${isTls ? "wss" : "ws"}://${host.includes(":") ? `[${host}]` : host}:${port}` };
    } catch (error) {
      this.#server = undefined;
      throw error;
    }
  }

  /** Tells the clients, waits for them as long as `shutdownTimeout` says (0), closes the rest. Idempotent. */
  async stop(): Promise<void> {
    await this.#server?.stop();
    this.#server = undefined;
  }

  /** Connections that are open now. */
  get connectionCount(): number {
    return this.#server?.hub.connections.size ?? 0;
  }

  /**
   * Resolves once it is stored.
   * @throws ServiceError where a field breaks its rule, the broadcast is too large, or storage cannot take it
   */
  async broadcastToAll(broadcast: Broadcast): Promise<void> {
    await this.#running().hub.publish({ channel: everyone, ...parseBroadcast(broadcast) });
  }

  /** To everyone but one connection, by the id that `onConnect` gave. */
  async broadcastToOthers(broadcast: Broadcast, exceptConnectionId: string): Promise<void> {
    const excluded = { excludeConnectionId: exceptConnectionId };
    await this.#running().hub.publish({ channel: everyone, ...parseBroadcast(broadcast), ...excluded });
  }

  /** @returns a function that takes the handler away again; the same for the other two */
  onConnect(handler: Handler<ConnectedClient>): () => void {
    return add(this.#onConnect, handler);
  }

  onDisconnect(handler: Handler<ConnectedClient>): () => void {
    return add(this.#onDisconnect, handler);
  }

  /** A client said something to everyone: a chat message, plain text. */
  onMessage(handler: Handler<ReceivedMessage>): () => void {
    return add(this.#onMessage, handler);
  }

  #running(): FanfareServer {
    if (this.#server === undefined) throw new Error("the server is not running: start it first");
    return this.#server;
  }
}

/** Certificates and key files may be named; the files that the command line looks for by itself are not. */
function readOnlyNamedFiles(path: string): string | undefined {
  return /^(\.env|fanfare\.config\.\w+)$/.test(path) ? undefined : readTextFile(path);
}

function clientOf({ id, userId, origin }: Session): ConnectedClient {
  return { connectionId: id, userId, remoteAddress: origin.remote };
}

/** Through the same parser as what comes over HTTP: an `event` that is none would break the JSON of every client. */
function parseBroadcast(broadcast: Broadcast): Undirected {
  const text = JSON.stringify(typeof broadcast === "string" ? { message: broadcast } : broadcast);
  return parseUndirected(parseObject(text), text);
}

function add<T>(handlers: Set<Handler<T>>, handler: Handler<T>): () => void {
  handlers.add(handler);
  return () => void handlers.delete(handler);
}

/** Each in a turn of its own: what a handler throws is its program's affair and disturbs no connection. */
function call<T>(handlers: ReadonlySet<Handler<T>>, value: T): void {
  for (const handler of handlers) queueMicrotask(() => handler(value));
}
