import { getLogger } from "@logtape/logtape";
import type { Server } from "bun";
import type { KeyHeaders } from "../auth/api-key.ts";
import { systemClock } from "../lib/clock.ts";
import { controlPath, openControlSocket } from "../ops/control-socket.ts";
import { locationOf } from "./location.ts";
import { type OpsParts, opsRoutes } from "./ops-routes.ts";
import { OriginCheck, type OriginCheckSettings } from "./origin-check.ts";
import { respondError } from "./respond.ts";
import { UnusableOpsPort } from "./unusable-ops-port.ts";
import { answerUnknown } from "./wrong-method.ts";

/** Seconds after which an idle connection is closed. */
const idleTimeoutS = 10;
/** The same between two requests: load balancers and scrapers keep connections for a minute. */
const keepAliveS = 75;
/** No request here needs a body. */
const maxRequestBodySize = 64 * 1024;
/** How long close() waits for responses in flight, such as the one to the request that started the drain. */
const lastResponsesMs = 500;

/**
 * The control socket requires no key: file permissions allow only the server's own user to connect. But someone who sends a key
 * wants to know whether it is right.
 */
function withoutRequiredKey(parts: OpsParts): OpsParts {
  const checkIfGiven = (headers: KeyHeaders) => parts.keys.checkIfGiven(headers);
  return { ...parts, keys: { check: checkIfGiven, checkIfGiven } };
}

const log = () => getLogger(["fanfare", "ops"]);

/** The settings of the additional listeners. */
export interface OpsSettings extends OriginCheckSettings {
  readonly opsPort: number | undefined;
}

/**
 * Serves health, metrics, nodes and draining on listeners of their own, which stay open while the server drains: OPS_PORT for
 * load balancers and monitoring, and a Unix socket for programs of the same user.
 */
export class OpsServer {
  readonly #parts: OpsParts;
  readonly #servers: Server<undefined>[] = [];
  #originCheck: OriginCheck | undefined;
  #leaveControlPath: () => void = () => undefined;

  constructor(parts: OpsParts) {
    this.#parts = parts;
  }

  /**
   * @param port the server's main port, which the control socket is named after
   * @throws UnusableOpsPort
   */
  async listen(settings: OpsSettings, port: number): Promise<void> {
    if (settings.opsPort !== undefined) this.#servers.push(this.#listenOn(settings, settings.opsPort));
    if (process.platform === "win32") return;
    const unix = controlPath(port);
    const serve = () => void this.#servers.push(Bun.serve({ ...handlers(withoutRequiredKey(this.#parts)), unix }));
    try {
      this.#leaveControlPath = await openControlSocket(unix, serve);
    } catch (error) {
      // Not fatal: HTTP offers the same operations.
      const reason = error instanceof Error ? error.message : String(error);
      log().warning("Cannot open the control socket {unix}: {reason}", { unix, reason });
    }
  }

  /** Applies changed settings to the open listeners. They cannot be moved to another port. */
  update(settings: OpsSettings): void {
    this.#originCheck = new OriginCheck(settings);
  }

  /** Waits briefly for responses in flight, then closes. Idempotent. */
  async close(): Promise<void> {
    const servers = this.#servers.splice(0);
    if (servers.length === 0) return;
    const late = Promise.withResolvers<void>();
    // The clock's timers do not keep the process alive.
    const timeout = systemClock.setTimeout(late.resolve, lastResponsesMs);
    await Promise.race([Promise.all(servers.map((it) => it.stop())), late.promise]);
    timeout.cancel();
    for (const server of servers) void server.stop(true);
    this.#leaveControlPath();
  }

  /** Removes the socket file synchronously, for a process that exits at once. */
  abandon(): void {
    this.#leaveControlPath();
  }

  #listenOn(settings: OpsSettings, port: number): Server<undefined> {
    const { host } = settings;
    const options = { hostname: host, port, reusePort: false, idleTimeout: idleTimeoutS };
    try {
      this.update(settings);
      return Bun.serve({ ...handlers(this.#parts, (request) => this.#originCheck?.check(request)), ...options });
    } catch (error) {
      throw new UnusableOpsPort({ host, port }, error);
    }
  }
}

/** @param checkOrigin throws a ServiceError. Nothing is checked on the control socket, which browsers cannot reach */
function handlers(parts: OpsParts, checkOrigin: (request: Request) => void = () => undefined) {
  const routes = opsRoutes(parts);
  return {
    development: false,
    maxRequestBodySize,
    error: respondError,
    fetch: (request: Request, server: Server<undefined>): Response | Promise<Response> => {
      server.timeout(request, keepAliveS);
      checkOrigin(request);
      const { pathname } = locationOf(request);
      // Some load balancers send HEAD. The runtime omits the body.
      const wanted = request.method === "HEAD" ? "GET" : request.method;
      const route = routes.find(({ method, path }) => method === wanted && path === pathname);
      return route === undefined ? answerUnknown(routes, pathname, request.method) : route.answer(request);
    },
  };
}
