import { getLogger } from "@logtape/logtape";
import type { Server } from "bun";
import { systemClock } from "../lib/clock.ts";
import { controlPath, openControlSocket } from "../ops/control-socket.ts";
import { Border, type BorderSettings } from "./border.ts";
import { locationOf } from "./location.ts";
import { type OpsParts, opsRoutes } from "./ops-routes.ts";
import { respondError } from "./respond.ts";
import { UnusableOpsPort } from "./unusable-ops-port.ts";
import { answerUnknown } from "./wrong-method.ts";

/** Seconds of silence after which a connection is closed. */
const idleTimeoutS = 10;
/** The same between two requests: load balancers and scrapers keep connections for a minute. */
const keepAliveS = 75;
/** No question here has a body worth reading. */
const maxRequestBodySize = 64 * 1024;
/** How long the last answers may take: somebody who asked for the end wants to hear that it comes. */
const lastAnswersMs = 500;

/** Whoever reaches the control socket is the user that the server runs as: the file system has checked already. */
const everyScope: OpsParts["keys"] = { check: () => undefined };

const log = () => getLogger(["fanfare", "ops"]);

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
  #leaveControlPath: () => void = () => undefined;

  constructor(parts: OpsParts) {
    this.#parts = parts;
  }

  /**
   * @param port what the server itself listens on: the control socket is named after it
   * @throws UnusableOpsPort
   */
  async listen(settings: OpsSettings, port: number): Promise<void> {
    if (settings.opsPort !== undefined) this.#servers.push(this.#listenOn(settings, settings.opsPort));
    if (process.platform === "win32") return;
    const unix = controlPath(port);
    const serve = () => void this.#servers.push(Bun.serve({ ...handlers({ ...this.#parts, keys: everyScope }), unix }));
    try {
      this.#leaveControlPath = await openControlSocket(unix, serve);
    } catch (error) {
      // Everything that it is good for can be asked by HTTP as well.
      const reason = error instanceof Error ? error.message : String(error);
      log().warning("There is no control socket {unix}: {reason}", { unix, reason });
    }
  }

  /** Lets the last answers go out. Idempotent. */
  async close(): Promise<void> {
    const servers = this.#servers.splice(0);
    if (servers.length === 0) return;
    const late = Promise.withResolvers<void>();
    // A timer that keeps no process alive: mostly there is no answer to be waited for.
    const patience = systemClock.setTimeout(late.resolve, lastAnswersMs);
    await Promise.race([Promise.all(servers.map((it) => it.stop())), late.promise]);
    patience.cancel();
    for (const server of servers) void server.stop(true);
    this.#leaveControlPath();
  }

  /** For a process that ends in this moment: no file of it stays behind. */
  abandon(): void {
    this.#leaveControlPath();
  }

  #listenOn(settings: OpsSettings, port: number): Server<undefined> {
    const { host } = settings;
    const options = { hostname: host, port, reusePort: false, idleTimeout: idleTimeoutS };
    try {
      return Bun.serve({ ...handlers(this.#parts, new Border(settings)), ...options });
    } catch (error) {
      throw new UnusableOpsPort({ host, port }, error);
    }
  }
}

/** @param border undefined where no browser comes */
function handlers(parts: OpsParts, border?: Border) {
  const routes = opsRoutes(parts);
  return {
    development: false,
    maxRequestBodySize,
    error: respondError,
    fetch: (request: Request, server: Server<undefined>): Response | Promise<Response> => {
      server.timeout(request, keepAliveS);
      border?.check(request);
      const { pathname } = locationOf(request);
      // Load balancers ask so; the runtime leaves the body out.
      const asked = request.method === "HEAD" ? "GET" : request.method;
      const route = routes.find(({ method, path }) => method === asked && path === pathname);
      return route === undefined ? answerUnknown(routes, pathname, request.method) : route.answer(request);
    },
  };
}
