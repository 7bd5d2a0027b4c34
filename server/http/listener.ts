import type { Server, TLSOptions } from "bun";

/** Opens a listener of the runtime. @throws Error with the code EADDRINUSE if the port is in use */
export type Listen<State> = (port: number, tls: TLSOptions | undefined) => Server<State>;

/**
 * The listener of a port, which can be replaced by one with another certificate. The runtime cannot change the certificate of a
 * listener (`server.reload` ignores it), so another one takes its place. Open connections stay with the one that accepted them.
 */
export class Listener<State> {
  readonly #listen: Listen<State>;
  /** Whether two listeners can briefly share the port, so that no connection is refused. */
  readonly #sharesPort: boolean;
  #current: Server<State> | undefined;
  /** Replaced listeners that may still have connections. */
  readonly #former = new Set<Server<State>>();

  constructor(listen: Listen<State>, { sharesPort }: { readonly sharesPort: boolean }) {
    this.#listen = listen;
    this.#sharesPort = sharesPort;
  }

  /** @returns the port. @throws errors of `listen` */
  open(port: number, tls: TLSOptions | undefined): number {
    this.#current = this.#listen(port, tls);
    return this.#current.port ?? port;
  }

  /** The server of the runtime that accepts connections now. */
  get server(): Server<State> | undefined {
    return this.#current;
  }

  /**
   * New connections get another certificate. Does nothing after `stop`.
   * @throws errors of `listen`; then the old one accepts connections as before
   */
  replace(tls: TLSOptions, old: TLSOptions): void {
    const current = this.#current;
    const port = current?.port;
    if (current === undefined || port === undefined || port === 0) return;
    // If the port cannot be shared, the old listener stops first. Both happen in one turn, so no connection is refused in between.
    if (!this.#sharesPort) this.#retire(current);
    try {
      this.#current = this.#listen(port, tls);
    } catch (error) {
      if (!this.#sharesPort) this.#current = this.#listen(port, old);
      throw error;
    }
    if (this.#sharesPort) this.#retire(current);
  }

  /** Requests in flight and open sockets. */
  get pending(): number {
    let pending = 0;
    for (const { pendingRequests, pendingWebSockets } of this.#all()) pending += pendingRequests + pendingWebSockets;
    return pending;
  }

  /** Stops accepting connections; open ones stay. Not awaited, because the promise resolves only once every socket is closed. */
  stop(): void {
    void this.#current?.stop();
  }

  /** Closes the remaining connections. Idempotent. */
  close(): void {
    for (const server of this.#all()) void server.stop(true);
    this.#former.clear();
    this.#current = undefined;
  }

  #retire(server: Server<State>): void {
    this.#former.add(server);
    const forget = () => this.#former.delete(server);
    server.stop().then(forget, forget); // resolves once its last connection is closed
  }

  #all(): readonly Server<State>[] {
    return this.#current === undefined ? [...this.#former] : [this.#current, ...this.#former];
  }
}
