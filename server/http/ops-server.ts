import { getLogger } from "@logtape/logtape";
import type { Server } from "bun";
import type { KeyHeaders, Scope } from "../auth/api-key.ts";
import { systemClock } from "../lib/clock.ts";
import type { AuditTrail } from "../limits/audit-trail.ts";
import { controlPath, openControlSocket } from "../ops/control-socket.ts";
import { auditEntry, isAudited } from "./audited.ts";
import { locationOf } from "./location.ts";
import { keyHeaders, type OpsParts, opsRoutes } from "./ops-routes.ts";
import { OriginCheck, type OriginCheckSettings } from "./origin-check.ts";
import { Pipelines } from "./pipelines.ts";
import { respondError } from "./respond.ts";
import { UnusableOpsPort } from "./unusable-ops-port.ts";
import { refuseUnknown } from "./wrong-method.ts";

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
 * wants to know whether it is right and has the scope that is required elsewhere.
 */
function withoutRequiredKey(parts: OpsParts): OpsParts {
  const checkIfGiven = (headers: KeyHeaders, scope?: Scope) => parts.keys.checkIfGiven(headers, scope);
  return { ...parts, keys: { check: checkIfGiven, checkIfGiven } };
}

const log = () => getLogger(["fanfare", "ops"]);

type Audit = Pick<AuditTrail, "record">;

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
  readonly #audit: Audit;
  readonly #servers: Server<undefined>[] = [];
  #originCheck: OriginCheck | undefined;
  #leaveControlPath: () => void = () => undefined;

  constructor(parts: OpsParts, audit: Audit) {
    this.#parts = parts;
    this.#audit = audit;
  }

  /**
   * @param port the server's main port, which the control socket is named after
   * @throws UnusableOpsPort
   */
  async listen(settings: OpsSettings, port: number): Promise<void> {
    if (settings.opsPort !== undefined) this.#servers.push(this.#listenOn(settings, settings.opsPort));
    if (process.platform === "win32") return;
    const unix = controlPath(port);
    const serve = () =>
      void this.#servers.push(Bun.serve({ ...handlers(withoutRequiredKey(this.#parts), this.#audit), unix }));
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
      const checkOrigin = (request: Request) => this.#originCheck?.check(request);
      return Bun.serve({ ...handlers(this.#parts, this.#audit, checkOrigin), ...options });
    } catch (error) {
      throw new UnusableOpsPort({ host, port }, error);
    }
  }
}

/** @param checkOrigin throws a ServiceError. Nothing is checked on the control socket, which browsers cannot reach */
function handlers(parts: OpsParts, audit: Audit, checkOrigin: (request: Request) => void = () => undefined) {
  const routes = opsRoutes(parts);
  const answer = async (request: Request): Promise<Response> => {
    try {
      checkOrigin(request);
      const { pathname } = locationOf(request);
      // Some load balancers send HEAD. The runtime omits the body.
      const wanted = request.method === "HEAD" ? "GET" : request.method;
      const route = routes.find(({ method, path }) => method === wanted && path === pathname);
      return route === undefined ? refuseUnknown(routes, pathname, request.method) : await route.answer(request);
    } catch (error) {
      return respondError(error);
    }
  };
  return {
    development: false,
    maxRequestBodySize,
    error: respondError,
    fetch: new Pipelines().limit(async (request: Request, server: Server<undefined>): Promise<Response> => {
      server.timeout(request, keepAliveS);
      const response = await answer(request);
      record(audit, { request, response, from: addressOf(server.requestIP(request)) }, parts);
      return response;
    }),
  };
}

/** A request and its answer. */
interface Answered {
  readonly request: Request;
  readonly response: Response;
  readonly from: string | undefined;
}

/** @param keys tell which key was sent. On the control socket, which needs none, the file's permissions let the caller in */
function record(audit: Audit, { request, response, from }: Answered, { keys }: Pick<OpsParts, "keys">): void {
  const { method } = request;
  const { status } = response;
  const pathname = URL.parse(request.url)?.pathname ?? "";
  if (!isAudited(method, pathname, status)) return;
  const asked = { method, pathname, headers: keyHeaders(request) };
  const entry = auditEntry(asked, keys, { from: from ?? "the control socket", status });
  const isByFile = from === undefined && entry.who === "unknown" && status < 400;
  audit.record(isByFile ? { ...entry, who: "the server's own user" } : entry);
}

/** Undefined for a Unix socket. */
function addressOf(socket: ReturnType<Server<undefined>["requestIP"]>): string | undefined {
  if (socket === null || socket.address === "") return undefined;
  return `${socket.address.includes(":") ? `[${socket.address}]` : socket.address}:${socket.port}`;
}
