import { type Client, type ClientOptions, makeClient } from "../../client/client.ts";
import type { CloseInfo } from "../../client/close-info.ts";
import type { ClientEnvironment, TransportName } from "../../client/environment.ts";
import { makePresence } from "../../client/presence.ts";
import type { Socket, SocketEvents, Target, Transport } from "../../client/transport.ts";
import type { ClientCommand, IncomingFrame } from "../../protocol/client-codec.ts";
import type { Joined, Ref, WelcomeLimits } from "../../protocol/frames.ts";
import { MovedClock } from "../../server/lib/moved-clock.ts";

/** A command that a client sent. */
export interface SentCommand {
  readonly command: ClientCommand;
  readonly ref: Ref | undefined;
}

/** The environment of a client under test. The test moves the clock and acts as the server. */
export class ScriptedEnvironment implements ClientEnvironment {
  readonly clock = new MovedClock();
  /** Every connection that the client tried to open, in order. */
  readonly sockets: ScriptedSocket[] = [];
  readonly #wakes = new Set<() => void>();
  online = true;

  /** Makes every random wait as long as possible. */
  readonly random = () => 1;

  readonly transports = {
    websocket: () => this.#transport("websocket"),
    sse: () => this.#transport("sse"),
  };

  presence = async () => makePresence;

  readonly isOnline = () => this.online;

  onWake(wake: () => void): () => void {
    this.#wakes.add(wake);
    return () => void this.#wakes.delete(wake);
  }

  /** Wakes the client, like an event of the page. */
  wake(): void {
    for (const wake of [...this.#wakes]) wake();
  }

  client(options: ClientOptions = {}): Client {
    const client = makeClient("ws://server.test/", options, this);
    client.connect();
    return client;
  }

  /** A connected client whose welcome lists these channels. */
  async connected(options: ClientOptions = {}, channels: Record<string, Joined> = {}) {
    const client = this.client(options);
    const socket = await this.socket();
    socket.welcome(channels);
    await settle();
    return { client, socket };
  }

  /** The newest connection, once pending promises have settled. */
  async socket(): Promise<ScriptedSocket> {
    await settle();
    const socket = this.sockets.at(-1);
    if (socket === undefined) throw new Error("no connection was opened");
    return socket;
  }

  /** Moves the clock, and lets promises settle. */
  async move(ms: number): Promise<void> {
    await settle();
    this.clock.move(ms);
    await settle();
  }

  /** Moves the clock until the client retries. */
  async untilNextTry(client: Client): Promise<ScriptedSocket> {
    await this.move((client.state.nextTryAt ?? this.clock.now()) - this.clock.now());
    return this.socket();
  }

  /** Moves the clock. @returns the newest connection afterwards */
  async untilTimer(ms: number): Promise<ScriptedSocket> {
    await this.move(ms);
    return this.socket();
  }

  #transport(name: TransportName): Transport {
    return (target, events) => {
      const socket = new ScriptedSocket(name, target, events);
      this.sockets.push(socket);
      return socket;
    };
  }
}

/** One connection. The test controls the server's end. */
export class ScriptedSocket implements Socket {
  readonly name: TransportName;
  readonly target: Target;
  readonly sent: SentCommand[] = [];
  /** The client has closed it. */
  isClosed = false;
  /** The server's end has closed it. */
  hasEnded = false;
  readonly #events: SocketEvents;

  constructor(name: TransportName, target: Target, events: SocketEvents) {
    this.name = name;
    this.target = target;
    this.#events = events;
  }

  send(command: ClientCommand, ref?: Ref): void {
    if (this.name === "sse" && /subscribe$/.test(command.type)) this.#events.onOutgrown();
    else this.sent.push({ command, ref });
  }

  close(): void {
    this.isClosed = true;
  }

  /** The commands that the client sent, without pings. */
  get commands(): readonly ClientCommand[] {
    return this.sent.map((it) => it.command).filter((it) => it.type !== "ping");
  }

  get query(): Readonly<Record<string, string | string[]>> {
    const { query } = this.target;
    return { ...Object.fromEntries(query), ...(query.has("channel") ? { channel: query.getAll("channel") } : {}) };
  }

  /** The ref of the last command of this type. */
  refOf(type: ClientCommand["type"]): Ref {
    const ref = this.sent.findLast((it) => it.command.type === type)?.ref;
    if (ref === undefined) throw new Error(`the client sent no ${type}`);
    return ref;
  }

  welcome(channels: Record<string, Joined> = {}, pingIntervalMs = 30_000, limits: Partial<WelcomeLimits> = {}): void {
    this.deliver({
      type: "system",
      event: "welcome",
      protocol: 1,
      connection_id: "c_1",
      resume_key: `key-of-${this.target.query.get("takes_over") ?? "the first"}`,
      ping_interval_ms: pingIntervalMs,
      limits: { max_message_bytes: 65_536, message_rate: 0, max_channels: 100, ...limits },
      timestamp: "2026-01-01T00:00:00.000Z",
      channels,
    });
  }

  /** Answers the last subscribe command. */
  subscribed(channel: string, joined: Joined): void {
    this.deliver({ type: "subscribed", channel, ref: this.refOf("subscribe"), ...joined } as IncomingFrame);
  }

  message(channel: string, offset: number, data: unknown = offset): void {
    this.deliver({ type: "message", channel, offset, id: `m${offset}`, timestamp: "2026-01-01T00:00:00.000Z", data });
  }

  draining(successor: boolean, reconnectAfterMs: number): void {
    this.deliver({
      type: "system",
      event: "draining",
      message: "Server is shutting down.",
      deadline_ms: 60_000,
      reconnect_after_ms: reconnectAfterMs,
      successor,
      timestamp: "2026-01-01T00:00:00.000Z",
    });
  }

  deliver(...frames: (IncomingFrame | object)[]): void {
    this.#events.onFrames(frames as IncomingFrame[]);
  }

  /** A comment of an event stream: it shows that the connection works, but contains no frame. */
  comment(): void {
    this.#events.onFrames([]);
  }

  end(code: number, more: Partial<CloseInfo> = {}): void {
    this.hasEnded = true;
    this.#events.onEnd({ code, reason: "as the test says", ...more });
  }
}

/** Lets promises settle. Timers do not run. */
export async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
