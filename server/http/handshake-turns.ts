/** How many handshakes are handled in one turn of the event loop: about 10 ms. */
const perTurn = 32;

/**
 * Spreads handshakes over turns of the event loop. The runtime accepts a connection and hands over its first request for as long
 * as new ones arrive, before it does anything else. While 6000 clients reconnected, nobody else was served for two seconds of
 * processor time. With handshakes that wait, so do their clients, no new connections arrive, and the turn ends.
 *
 * A connection that waits has a file open. So no more of them wait than may be admitted. If there are more, all are handled at
 * once, so that those for which there is no room are refused, and closed.
 */
export class HandshakeTurns {
  readonly #waiting: (() => void)[] = [];
  readonly #room: () => number;
  #inTurn = 0;

  /** @param room how many more connections there may be */
  constructor(room: () => number) {
    this.#room = room;
  }

  /** Calls `handle` now, or in a later turn if this one has had enough. In the order of the calls. */
  run<R>(handle: () => R | Promise<R>): R | Promise<R> {
    if (this.#inTurn >= perTurn || this.#waiting.length > 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.push(resolve);
      if (this.#waiting.length > this.#room()) for (const begin of this.#waiting.splice(0)) begin();
      return promise.then(handle);
    }
    if (this.#inTurn++ === 0) setImmediate(this.#endTurn);
    return handle();
  }

  readonly #endTurn = (): void => {
    const next = this.#waiting.splice(0, perTurn);
    this.#inTurn = next.length;
    if (next.length > 0) setImmediate(this.#endTurn);
    for (const begin of next) begin();
  };
}
