import packageJson from "../../package.json" with { type: "json" };
import { everyone } from "../../protocol/channel-name.ts";
import { invalid, parseObject, unknownIn } from "../../protocol/fields.ts";
import { KnownFields } from "../../protocol/known-fields.ts";
import { type DraftContent, parseDraftContent } from "../api/draft.ts";
import { EmbeddedBroker } from "../broker/embedded/broker.ts";
import { limitsOf } from "../broker/log-limits.ts";
import { MemoryLog } from "../broker/memory/log.ts";
import { MemoryCluster } from "../cluster/memory/cluster.ts";
import { loadSettings } from "../config/load.ts";
import type { Settings } from "../config/settings.ts";
import { readTextFile } from "../config/text-file.ts";
import { systemClock } from "../lib/clock.ts";
import { refuseUnknownNames } from "../lib/unknown-names.ts";
import { MemoryPresence } from "../presence/memory/store.ts";
import { openScheduleStore } from "../schedule/open-store.ts";
import type { Session } from "../session/session.ts";
import { openTracing } from "../telemetry/open-tracing.ts";
import { FanfareServer } from "./fanfare-server.ts";

/**
 * The settings of docs/options.md, with names in camelCase: `{ port: 0, historySize: 5000, shutdownTimeout: "5s" }`. Settings
 * are not read from the environment or from files.
 */
export type BroadcastServerOptions = Readonly<Record<string, string | number | boolean | readonly unknown[]>>;

/** A connection, as passed to handlers. */
export interface ConnectedClient {
  readonly connectionId: string;
  /** Undefined for a connection without a user. */
  readonly userId: string | undefined;
  /** Such as `127.0.0.1:52341`. */
  readonly remoteAddress: string;
}

/** A chat message from a client. */
export interface ReceivedMessage {
  readonly message: string;
  readonly sender: string | undefined;
  readonly client: ConnectedClient;
}

/** A text, or a message with text, JSON data or both. The other fields are those of `POST /v1/publish`. */
export type Broadcast =
  | string
  | {
      readonly message?: string;
      readonly data?: unknown;
      readonly event?: string;
      readonly id?: string;
      readonly sender?: string;
      readonly key?: string;
      readonly headers?: Readonly<Record<string, string>>;
      readonly ephemeral?: boolean;
    };

type Handler<T> = (value: T) => void;

/**
 * A server inside another Bun program. Several servers in one process are independent. The defaults are those of
 * `fanfare start`, except that there is no periodic notification and `stop` does not wait for clients to leave.
 */
export class BroadcastServer {
  readonly #settings: Settings;
  readonly #onConnect = new Set<Handler<ConnectedClient>>();
  readonly #onDisconnect = new Set<Handler<ConnectedClient>>();
  readonly #onMessage = new Set<Handler<ReceivedMessage>>();
  #server: FanfareServer | undefined;

  /** @throws ConfigError whose `problems` each name an option and its rule */
  constructor(options: BroadcastServerOptions = {}) {
    const quiet = { notificationInterval: 0, shutdownTimeout: 0 };
    const inputs = { env: {}, flags: new Map(), configPath: undefined, readText: readOnlyNamedFiles };
    this.#settings = loadSettings({ ...inputs, options: { ...quiet, ...options } }).settings;
  }

  /**
   * Starts listening. With port 0 the system chooses a port, which is in the result.
   * @throws Error if the server is already running, or with the code EADDRINUSE if the port is in use
   */
  async start(): Promise<{ readonly host: string; readonly port: number; readonly url: string }> {
    if (this.#server !== undefined) throw new Error("the server is already running: stop it first");
    const tracing = await openTracing(this.#settings, { version: packageJson.version, name: "server" });
    const log = new MemoryLog(limitsOf(this.#settings));
    const broker = new EmbeddedBroker(log, systemClock);
    const server = new FanfareServer(this.#settings, {
      broker,
      directory: broker,
      cluster: MemoryCluster.alone(systemClock),
      presence: new MemoryPresence(systemClock),
      schedules: openScheduleStore({ ...this.#settings, dataDir: undefined }, systemClock),
      tracing,
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

  /** Notifies the clients, waits up to `shutdownTimeout` (default 0) for them to leave, and closes the rest. Idempotent. */
  async stop(): Promise<void> {
    await this.#server?.stop();
    this.#server = undefined;
  }

  /** The number of open connections. */
  get connectionCount(): number {
    return this.#server?.hub.connections.size ?? 0;
  }

  /**
   * Publishes to everyone. Resolves once the message is stored.
   * @throws ServiceError if a field is invalid, the message is too large, or it cannot be stored
   */
  async broadcastToAll(broadcast: Broadcast): Promise<void> {
    await this.#running().hub.publish({ channel: everyone, ...parseBroadcast(broadcast) });
  }

  /** Publishes to everyone except one connection, by its `connectionId`. */
  async broadcastToOthers(broadcast: Broadcast, exceptConnectionId: string): Promise<void> {
    const excluded = { excludeConnectionId: exceptConnectionId };
    await this.#running().hub.publish({ channel: everyone, ...parseBroadcast(broadcast), ...excluded });
  }

  /** @returns a function that removes the handler, as do the other two */
  onConnect(handler: Handler<ConnectedClient>): () => void {
    return add(this.#onConnect, handler);
  }

  onDisconnect(handler: Handler<ConnectedClient>): () => void {
    return add(this.#onDisconnect, handler);
  }

  /** Calls the handler for each chat message to everyone, as a frame or as plain text. */
  onMessage(handler: Handler<ReceivedMessage>): () => void {
    return add(this.#onMessage, handler);
  }

  #running(): FanfareServer {
    if (this.#server === undefined) throw new Error("the server is not running: start it first");
    return this.#server;
  }
}

/** Reads files named in options, such as certificates, but not the default settings files. */
function readOnlyNamedFiles(path: string): string | undefined {
  return /^(\.env|fanfare\.config\.\w+)$/.test(path) ? undefined : readTextFile(path);
}

function clientOf({ id, userId, origin }: Session): ConnectedClient {
  return { connectionId: id, userId, remoteAddress: origin.remote };
}

/**
 * Uses the parser of the HTTP API: an unchecked `event` could break the JSON that clients receive. An unknown field such as
 * `channel` or `delay_s` is an error: ignoring it would send the message to everyone, at once.
 */
function parseBroadcast(broadcast: Broadcast): DraftContent {
  if (typeof broadcast === "string") return { message: broadcast };
  if (typeof broadcast !== "object") throw invalid("broadcast", "a text, or an object with message or data", broadcast);
  const text = JSON.stringify(broadcast);
  const object = parseObject(text, new KnownFields(broadcastFields));
  refuseUnknownNames(unknownIn(object), broadcastFields, "field");
  return parseDraftContent(object);
}

const broadcastFields = ["message", "data", "event", "id", "sender", "key", "headers", "ephemeral"];

function add<T>(handlers: Set<Handler<T>>, handler: Handler<T>): () => void {
  handlers.add(handler);
  return () => void handlers.delete(handler);
}

/** Calls each handler in its own microtask, so that an exception in one does not affect connections. */
function call<T>(handlers: ReadonlySet<Handler<T>>, value: T): void {
  for (const handler of handlers) queueMicrotask(() => handler(value));
}
