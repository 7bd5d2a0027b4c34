/** How many handshakes are handled in one turn of the event loop: about 10 ms. */
const perTurn = 32;

/**
 * Spreads handshakes over turns of the event loop. The runtime accepts a connection and hands over its first request for as long
 * as new ones arrive, before it does anything else. While 6000 clients reconnected, nobody else was served for two seconds of
 * processor time. While handshakes wait, their clients do too: no new connections arrive, and the turn ends.
 *
 * Each connection that waits has an open file, so at most as many wait as can still be admitted. If more arrive, all are handled
 * at once: the server then refuses and closes those that are too many.
 */
export class HandshakeTurns {
  readonly #waiting: (() => void)[] = [];
  readonly #room: () => number;
  #inTurn = 0;

  /** @param room how many more connections there may be */
  constructor(room: () => number) {
    this.#room = room;
  }

  /** Calls `handle` now, or in a later turn if this one is full. In the order of the calls. */
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
