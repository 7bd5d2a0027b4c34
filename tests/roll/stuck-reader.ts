import { RawWebSocket } from "../e2e/raw-web-socket.ts";
import type { Driver } from "./driver.ts";

/** A client that stops reading, as behind a dead network. A roll must not wait for it, and nobody else may notice it. */
export class StuckReader implements Disposable {
  readonly #socket: RawWebSocket;

  private constructor(socket: RawWebSocket) {
    this.#socket = socket;
    socket.socket.pause();
  }

  static async open(driver: Driver): Promise<StuckReader> {
    const { port, pathname, search } = new URL(driver.subscriberUrl("websocket", undefined));
    return new StuckReader(await RawWebSocket.open(Number(port), `${pathname}${search}`));
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }
}
