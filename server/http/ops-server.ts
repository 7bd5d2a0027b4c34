import type { Server } from "bun";
import { clearControlPath, controlPath, guardControlPath } from "../ops/control-socket.ts";
import { Border, type BorderSettings } from "./border.ts";
import { type OpsParts, opsRoutes } from "./ops-routes.ts";
import { respondError } from "./respond.ts";
import { answerUnknown } from "./wrong-method.ts";

/** Seconds of silence after which a connection is closed. */
const idleTimeoutS = 10;
/** How long the last answers may take: somebody who asked for the end wants to hear that it comes. */
const lastAnswersMs = 500;

/** Whoever reaches the control socket is the user that the server runs as: the file system has checked already. */
const everyScope: OpsParts["keys"] = { check: () => undefined };

/** Which doors there are beside the server's own. */
export interface OpsSettings extends BorderSettings {
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
  listen(settings: OpsSettings, port: number): void {
    const { host, opsPort } = settings;
    if (opsPort !== undefined) {
      const options = { hostname: host, port: opsPort, reusePort: false, idleTimeout: idleTimeoutS };
      this.#servers.push(Bun.serve({ ...handlers(this.#parts, new Border(settings)), ...options }));
    }
    if (process.platform === "win32") return;
    const unix = controlPath(port);
    clearControlPath(unix);
    this.#servers.push(Bun.serve({ ...handlers({ ...this.#parts, keys: everyScope }), unix }));
    guardControlPath(unix);
    this.#controlPath = unix;
  }

  /** Lets the last answers go out. Idempotent. */
  async close(): Promise<void> {
    const servers = this.#servers.splice(0);
    if (servers.length === 0) return;
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, lastAnswersMs);
    await Promise.race([Promise.all(servers.map((it) => it.stop())), late]);
    clearTimeout(timer);
    for (const server of servers) void server.stop(true);
    if (this.#controlPath !== undefined) clearControlPath(this.#controlPath);
  }
}

/** @param border undefined where no browser comes */
function handlers(parts: OpsParts, border?: Border) {
  const routes = opsRoutes(parts);
  return {
    development: false,
    error: respondError,
    fetch: (request: Request): Response | Promise<Response> => {
      border?.check(request);
      const { pathname } = new URL(request.url);
      const route = routes.find(({ method, path }) => method === request.method && path === pathname);
      return route === undefined ? answerUnknown(routes, pathname, request.method) : route.answer(request);
    },
  };
}
