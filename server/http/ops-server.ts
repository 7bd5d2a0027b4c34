import type { Server } from "bun";
import { clearControlPath, controlPath, guardControlPath } from "../ops/control-socket.ts";
import { type OpsParts, opsRoutes } from "./ops-routes.ts";
import { respondError } from "./respond.ts";
import { answerUnknown } from "./wrong-method.ts";

/** Seconds of silence after which a connection is closed. */
const idleTimeoutS = 10;

/** Whoever reaches the control socket is the user that the server runs as: the file system has checked already. */
const everyScope: OpsParts["keys"] = { check: () => undefined };

/** Which doors there are beside the server's own. */
export interface OpsSettings {
  readonly host: string;
  readonly opsPort: number | undefined;
}

/**
 * Health, metrics, nodes and draining by doors of their own, which stay open while the server stops: a load balancer by
 * OPS_PORT, programs of the same user by a Unix socket.
 */
export class OpsServer {
  readonly #parts: OpsParts;
  readonly #servers: Server<undefined>[] = [];
  #controlPath: string | undefined;

  constructor(parts: OpsParts) {
    this.#parts = parts;
  }

  /**
   * @param port what the server itself listens on: the control socket is named after it
   * @throws Error with the code EADDRINUSE where the place is taken
   */
  listen({ host, opsPort }: OpsSettings, port: number): void {
    if (opsPort !== undefined) {
      const options = { hostname: host, port: opsPort, reusePort: false, idleTimeout: idleTimeoutS };
      this.#servers.push(Bun.serve({ ...handlers(this.#parts), ...options }));
    }
    if (process.platform === "win32") return;
    const unix = controlPath(port);
    clearControlPath(unix);
    this.#servers.push(Bun.serve({ ...handlers({ ...this.#parts, keys: everyScope }), unix }));
    guardControlPath(unix);
    this.#controlPath = unix;
  }

  /** Idempotent. */
  close(): void {
    for (const server of this.#servers.splice(0)) void server.stop(true);
    if (this.#controlPath !== undefined) clearControlPath(this.#controlPath);
  }
}

function handlers(parts: OpsParts) {
  const routes = opsRoutes(parts);
  return {
    development: false,
    error: respondError,
    fetch: (request: Request): Response | Promise<Response> => {
      const { pathname } = new URL(request.url);
      const route = routes.find(({ method, path }) => method === request.method && path === pathname);
      return route === undefined ? answerUnknown(routes, pathname, request.method) : route.answer(request);
    },
  };
}
