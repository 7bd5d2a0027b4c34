import type { SocketAddresses } from "./request-peers.ts";

/** Requests that one turn of the event loop may answer before it matters which connections they come from, and as many again. */
const unchecked = 64;

/** Handles a request, at once or later. */
export type Handler<S extends SocketAddresses, R> = (request: Request, server: S) => R;

/**
 * Ends connections that pipeline many requests. The runtime answers all requests that it has read from a connection before it
 * does anything else: 20 MB of small ones, which need no credential, stopped the server for 8 s. So in a turn with many requests,
 * those that follow another one of the same connection are handled in the next turn. The runtime closes a connection that sends
 * a request while one is not answered, and drops what it has read from it.
 */
export class Pipelines {
  /** Requests of this turn. Up to `unchecked` of them may be from turns before it. */
  #requests = 0;
  #address: string | undefined;
  #port: number | undefined;
  readonly #endTurn = (): void => {
    this.#requests = 0;
    this.#port = undefined;
  };

  /** Makes a handler that calls this one, now or in the next turn. Hot path: mostly one addition. */
  limit<S extends SocketAddresses, R>(handle: Handler<S, R | Promise<R>>): Handler<S, R | Promise<R>> {
    return (request, server) =>
      this.#mustWait(request, server) ? inNextTurn(request, server, handle) : handle(request, server);
  }

  #mustWait(request: Request, server: SocketAddresses): boolean {
    this.#requests++;
    if (this.#requests === unchecked) setImmediate(this.#endTurn);
    if (this.#requests < 2 * unchecked) return false;
    const socket = server.requestIP(request);
    const follows = socket?.port === this.#port && socket?.address === this.#address;
    this.#port = socket?.port;
    this.#address = socket?.address;
    return follows;
  }
}

async function inNextTurn<S extends SocketAddresses, R>(
  request: Request,
  server: S,
  handle: Handler<S, R | Promise<R>>,
): Promise<R> {
  await new Promise<void>((resolve) => setImmediate(resolve));
  return handle(request, server);
}
