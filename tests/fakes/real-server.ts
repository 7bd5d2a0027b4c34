import type { Server } from "bun";
import { errorTable, ServiceError } from "../../protocol/errors.ts";
import type { Session } from "../../server/session/session.ts";
import { type SseSettings, SseTransport } from "../../server/transport/sse/sse.ts";
import { type SocketState, WebSocketTransport } from "../../server/transport/websocket/websocket.ts";
import { TestHub, type TestHubOptions } from "./hub.ts";

/** A hub behind real sockets, on its own port. It serves the two transports and no other HTTP. */
export class RealServer {
  readonly test: TestHub;
  readonly #server: Server<SocketState>;
  readonly #transports: readonly { close(): void }[];

  private constructor(test: TestHub, settings: SseSettings) {
    this.test = test;
    const { hub, clock } = test;
    const heartbeat = { interval: 30_000, timeout: 10_000 };
    const websocket = new WebSocketTransport(hub, { heartbeat, maxMessageBytes: 64 * 1024 }, clock);
    const sse = new SseTransport(hub, settings, clock);
    const peer = { ip: "127.0.0.1", remote: "127.0.0.1:1" };
    this.#transports = [websocket, sse];
    this.#server = Bun.serve<SocketState>({
      hostname: "127.0.0.1",
      port: 0,
      websocket: websocket.handler,
      fetch: (request, server) =>
        request.headers.has("Upgrade") ? websocket.upgrade(request, server, peer) : sse.answer(request, server, peer),
      error: (error) =>
        new Response(null, { status: error instanceof ServiceError ? errorTable[error.code].status : 500 }),
    });
  }

  /** By default, streams stay open until the test ends. */
  static async start(options?: TestHubOptions, settings: SseSettings = { streamLifetimeMs: 0 }): Promise<RealServer> {
    return new RealServer(await TestHub.start(options), settings);
  }

  get port(): number {
    return this.#server.port ?? 0;
  }

  /** The only session. */
  get session(): Session {
    const [session] = this.test.hub.connections.all();
    if (session === undefined) throw new Error("nobody is connected");
    return session;
  }

  /** Resolves when nobody is connected any more. */
  async untilEmpty(): Promise<void> {
    while (this.test.hub.connections.size > 0) await new Promise((resolve) => setImmediate(resolve));
  }

  async close(): Promise<void> {
    for (const transport of this.#transports) transport.close();
    void this.#server.stop(true);
    await this.test.close();
  }
}
