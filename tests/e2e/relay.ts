import type { AddressInfo } from "node:net";
import { connect, createServer, type Server, type Socket } from "node:net";

/** What lies between the two sockets of one connection, and how the end of one becomes that of the other. */
export type Line = (near: Socket, far: Socket) => void;

/** Carries everything at once. */
export const cleanLine: Line = (near, far) => {
  far.on("close", () => near.destroy());
  near.on("close", () => far.destroy());
  near.pipe(far);
  far.pipe(near);
};

/** The network between a client and its server, as a test wants it: it can break, let no WebSocket through, lead elsewhere. */
export class Relay implements Disposable {
  /** Where connections lead from now on; those that are open stay. */
  port: number;
  /** Requests that ask for a WebSocket find the connection closed, as behind some proxies. */
  blocksWebSockets = false;
  /** Connections that were let through, ever. */
  count = 0;
  readonly #server: Server;
  readonly #line: Line;
  readonly #sockets = new Set<Socket>();

  private constructor(port: number, line: Line) {
    this.port = port;
    this.#line = line;
    this.#server = createServer((near) => this.#join(near));
  }

  /** @param port of the server */
  static async to(port: number, line = cleanLine): Promise<Relay> {
    const relay = new Relay(port, line);
    await new Promise<void>((resolve) => relay.#server.listen(0, "127.0.0.1", resolve));
    return relay;
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `http://127.0.0.1:${port}`;
  }

  /** Breaks every connection, without a goodbye. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  [Symbol.dispose](): void {
    this.cut();
    this.#server.close();
  }

  #join(near: Socket): void {
    this.#sockets.add(near);
    near.on("error", () => near.destroy());
    near.on("close", () => this.#sockets.delete(near));
    near.once("data", (first) => {
      if (this.blocksWebSockets && /^Upgrade: websocket/im.test(first.toString("latin1"))) {
        near.destroy();
        return;
      }
      this.count++;
      const far = connect(this.port, "127.0.0.1");
      far.on("error", () => near.destroy());
      near.pause();
      near.unshift(first);
      this.#line(near, far);
    });
  }
}
