import type { Timer } from "../../../server/lib/clock.ts";
import { reconnectWait, silenceMs } from "../../../server/lib/redis/connect.ts";
import type { Process } from "../process.ts";
import { type Route, Wire } from "../wire.ts";
import type { Answer } from "./script.ts";
import type { ModelRedis, Peer } from "./server.ts";

/** How long a connection may take to open, milliseconds. */
const connectMs = 5000;

interface InFlight {
  resolve(answer: Answer): void;
  reject(error: Error): void;
}

/**
 * A model of the client library, set as server/lib/redis/connect.ts sets it: reconnects until it is closed, keeps nothing
 * for later, and fails what is in flight when its connection breaks.
 */
export class ModelClient {
  readonly #process: Process;
  readonly #server: ModelRedis;
  readonly #route: Route;
  readonly #handlers = new Map<string, ((...args: never[]) => void)[]>();
  readonly #inFlight = new Set<InFlight>();
  #wire: Wire | undefined;
  #peer: Peer | undefined;
  #isReady = false;
  #isClosed = false;
  #attempts = 0;
  #retry: Timer | undefined;
  #opening: Timer | undefined;
  #silence: Timer | undefined;

  constructor(process: Process, server: ModelRedis, route: Route) {
    this.#process = process;
    this.#server = server;
    this.#route = route;
  }

  /** The server's side of the connection that there is now. */
  get peer(): Peer | undefined {
    return this.#peer;
  }

  /** The connection that there is now breaks. */
  cut(tells: { readonly near: boolean; readonly far: boolean }): void {
    this.#wire?.cut(tells);
  }

  /** Messages on the present connection arrive late. */
  hold(until: number): void {
    if (this.#wire !== undefined) this.#wire.heldUntil = until;
  }

  on(event: string, handler: (...args: never[]) => void): this {
    this.#handlers.set(event, [...(this.#handlers.get(event) ?? []), handler]);
    return this;
  }

  async connect(): Promise<void> {
    this.#open();
  }

  /** @param reconnects opens another connection */
  disconnect(reconnects = false): void {
    if (!reconnects) {
      this.#isClosed = true;
      this.#retry?.cancel();
    }
    this.#wire?.closeNear();
    // As of a real socket, its end is heard of in a turn of its own.
    this.#process.setImmediate(() => this.#ended(0));
  }

  info(): Promise<Answer> {
    return this.call("INFO");
  }

  time(): Promise<Answer> {
    return this.call("TIME");
  }

  script(verb: string, lua: string): Promise<Answer> {
    return this.call("SCRIPT", verb, lua);
  }

  evalsha(sha: string, count: number, ...rest: (string | number)[]): Promise<Answer> {
    return this.call("EVALSHA", sha, count, ...rest);
  }

  subscribe(...topics: string[]): Promise<Answer> {
    return this.call("SUBSCRIBE", ...topics);
  }

  unsubscribe(...topics: string[]): Promise<Answer> {
    return this.call("UNSUBSCRIBE", ...topics);
  }

  call(name: string, ...args: readonly (string | number)[]): Promise<Answer> {
    const wire = this.#wire;
    const peer = this.#peer;
    if (!this.#isReady || wire === undefined || peer === undefined) {
      return Promise.reject(new Error("Stream isn't writeable and enableOfflineQueue options is false"));
    }
    return this.#ask(wire, peer, [name, ...args.map(String)]);
  }

  #ask(wire: Wire, peer: Peer, command: readonly string[]): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const asked: InFlight = { resolve, reject };
      this.#inFlight.add(asked);
      if (this.#silence === undefined) this.#awaitData();
      wire.toFar(() => this.#server.whenUnblocked(peer, () => this.#perform(peer, command, asked)));
    });
  }

  #perform(peer: Peer, command: readonly string[], asked: InFlight): void {
    let answer: () => void;
    try {
      const result = this.#server.perform(peer, command);
      answer = () => asked.resolve(result);
    } catch (error) {
      answer = () => asked.reject(error as Error);
    }
    const answered = () => {
      this.#inFlight.delete(asked);
      this.#awaitData();
      answer();
    };
    this.#server.whenUnblocked(peer, () => peer.wire.toNear(answered));
  }

  #open(): void {
    if (this.#isClosed) return;
    const wire = new Wire(this.#process, this.#server.process, this.#route, this.#process.dice);
    this.#wire = wire;
    wire.onNearEnd = () => this.#ended();
    const peer: Peer = {
      wire,
      topics: new Set(),
      isDeaf: false,
      blockedUntil: 0,
      receive: (topic, text) => {
        this.#awaitData();
        this.#emit("message", topic, text);
      },
    };
    this.#opening = this.#process.setTimeout(() => {
      // A server that is stopped accepts a connection all the same, and then does not answer: both take as long.
      this.#fail(wire, "connect ETIMEDOUT");
    }, connectMs);
    wire.toFar(() => {
      if (this.#server.isDown) {
        wire.toNear(() => this.#fail(wire, "connect ECONNREFUSED"));
        return;
      }
      this.#server.attach(peer);
      wire.toNear(() => {
        this.#opening?.cancel();
        this.#peer = peer;
        this.#isReady = true;
        this.#attempts = 0;
        this.#emit("ready");
      });
    });
  }

  #fail(wire: Wire, message: string): void {
    if (wire !== this.#wire) return;
    wire.closeNear();
    this.#emit("error", new Error(message));
    this.#ended();
  }

  /** As long as something is in flight, data has to come. */
  #awaitData(): void {
    this.#silence?.cancel();
    this.#silence = undefined;
    if (this.#inFlight.size === 0) return;
    this.#silence = this.#process.setTimeout(() => {
      this.#wire?.closeNear();
      this.#ended();
    }, silenceMs);
  }

  /** @param waitMs until the next attempt; by default as long as the library waits */
  #ended(waitMs = reconnectWait(this.#attempts + 1)): void {
    if (this.#wire === undefined) return;
    this.#wire = undefined;
    this.#peer = undefined;
    this.#isReady = false;
    this.#opening?.cancel();
    this.#silence?.cancel();
    this.#silence = undefined;
    for (const { reject } of this.#inFlight) reject(new Error("Connection is closed."));
    this.#inFlight.clear();
    this.#emit("close");
    if (this.#isClosed) return;
    this.#attempts++;
    this.#retry = this.#process.setTimeout(() => this.#open(), waitMs);
  }

  #emit(event: string, ...args: unknown[]): void {
    for (const handler of this.#handlers.get(event) ?? []) handler(...(args as never[]));
  }
}
