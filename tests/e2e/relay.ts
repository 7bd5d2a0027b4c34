import type { AddressInfo } from "node:net";
import { connect, createServer, type Server, type Socket } from "node:net";

/** Decides how bytes pass between the two sockets of one connection, and what happens to one when the other closes. */
export type NetworkBehaviour = (near: Socket, far: Socket) => void;

/** Passes everything on at once. */
export const reliableNetwork: NetworkBehaviour = (near, far) => {
  far.on("close", () => near.destroy());
  near.on("close", () => far.destroy());
  near.pipe(far);
  far.pipe(near);
};

/** The network between a client and its server. A test can break it, block WebSockets, or redirect new connections. */
export class Relay implements Disposable {
  /** The port for new connections. Open connections stay where they are. */
  port: number;
  /** Closes the connection of requests for a WebSocket, as some proxies do. */
  blocksWebSockets = false;
  /** The number of connections accepted so far. */
  count = 0;
  readonly #server: Server;
  readonly #behaviour: NetworkBehaviour;
  readonly #sockets = new Set<Socket>();

  private constructor(port: number, behaviour: NetworkBehaviour) {
    this.port = port;
    this.#behaviour = behaviour;
    this.#server = createServer((near) => this.#join(near));
  }

  /** @param port of the server */
  static async to(port: number, behaviour = reliableNetwork): Promise<Relay> {
    const relay = new Relay(port, behaviour);
    await new Promise<void>((resolve) => relay.#server.listen(0, "127.0.0.1", resolve));
    return relay;
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `http://127.0.0.1:${port}`;
  }

  /** Breaks every connection without closing it properly. */
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
      this.#behaviour(near, far);
    });
  }
}
