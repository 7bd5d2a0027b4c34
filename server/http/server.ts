import type { Server, TLSOptions } from "bun";
import { errorTable, ServiceError } from "../../protocol/errors.ts";
import { TrustedProxies } from "../lib/client-address.ts";
import type { Clock } from "../lib/clock.ts";
import type { AuditTrail } from "../limits/audit-trail.ts";
import type { Recorder } from "../trace/recorder.ts";
import type { Peer } from "../transport/handshake.ts";
import type { SseTransport } from "../transport/sse/sse.ts";
import type { SocketState, WebSocketTransport } from "../transport/websocket/websocket.ts";
import { auditEntry, isAudited } from "./audited.ts";
import { hasUnreadBody } from "./body.ts";
import type { TlsSettings } from "./certificate.ts";
import { Certificates } from "./certificates.ts";
import { HandshakeTurns } from "./handshake-turns.ts";
import type { LargeBody } from "./large-body.ts";
import { Listener } from "./listener.ts";
import { locationOf } from "./location.ts";
import { OriginCheck, type OriginCheckSettings } from "./origin-check.ts";
import { checkSpelling } from "./path-spelling.ts";
import { Pipelines } from "./pipelines.ts";
import { RefusedRequests } from "./refused-requests.ts";
import { RequestPeers } from "./request-peers.ts";
import { respondError } from "./respond.ts";
import { type Handle, otherRoutes, pushRoutes, type RouteParts, type RouteSettings } from "./routes.ts";
import { type SessionCookieSettings, SessionCookies } from "./session-cookie.ts";

/** Seconds after which a connection is closed if less than about 16 KB/s of its request have arrived. */
const idleTimeoutS = 10;

export interface HttpSettings extends RouteSettings, OriginCheckSettings, SessionCookieSettings, TlsSettings {
  /** Several processes share the port (Linux only). */
  readonly sharesPort: boolean;
  readonly port: number;
  readonly trustedProxies: readonly string[];
  /** How long an idle connection stays open. */
  readonly keepAliveTimeoutMs: number;
  /** How long browsers use only https for this host; 0: they are not told. */
  readonly hstsMaxAgeMs: number;
}

export interface HttpParts extends Omit<RouteParts, "cookies" | "refused"> {
  readonly websocket: WebSocketTransport;
  readonly sse: SseTransport;
  readonly audit: Pick<AuditTrail, "record">;
  readonly recorder: Pick<Recorder, "refused" | "isRecorded">;
  readonly clock: Clock;
}

/** The address the server listens on. */
export interface ListeningAddress {
  readonly host: string;
  readonly port: number;
  readonly isTls: boolean;
}

type Dispatch = (request: Request, server: Server<SocketState>) => Response | Promise<Response>;

/** The main port: dispatches WebSocket handshakes, event streams and HTTP requests. */
export class HttpServer {
  /** If true, responses have `Connection: close`, so that clients with kept-alive connections switch to another server. */
  closesConnections = false;
  readonly #settings: HttpSettings;
  readonly #keepAliveS: number;
  readonly #hsts: string | undefined;
  readonly #parts: HttpParts;
  readonly #originCheck: OriginCheck;
  readonly #proxies: TrustedProxies;
  readonly #peers: RequestPeers;
  readonly #refused: RefusedRequests;
  readonly #cookies: SessionCookies;
  readonly #handshakes: HandshakeTurns;
  readonly #push: Readonly<Record<string, Handle>>;
  readonly #other: Handle;
  /** Event streams. Their timeouts are set by the transport. */
  readonly #stream: Dispatch;
  /** Undefined without TLS. */
  readonly #certificates: Certificates | undefined;
  #listener: Listener<SocketState> | undefined;
  #lastRequestAt = Number.NEGATIVE_INFINITY;

  /** @throws Error if a setting is invalid */
  constructor(settings: HttpSettings, parts: HttpParts) {
    this.#settings = settings;
    const { hstsMaxAgeMs } = settings;
    this.#hsts = hstsMaxAgeMs === 0 ? undefined : `max-age=${Math.floor(hstsMaxAgeMs / 1000)}`;
    this.#keepAliveS = Math.ceil(settings.keepAliveTimeoutMs / 1000);
    this.#parts = parts;
    this.#handshakes = new HandshakeTurns(() => parts.api.hub.reception.room);
    this.#originCheck = new OriginCheck(settings);
    this.#proxies = new TrustedProxies(settings.trustedProxies);
    this.#peers = new RequestPeers(this.#proxies);
    this.#refused = new RefusedRequests(parts.recorder, this.#peers);
    this.#certificates = settings.tlsCert === undefined ? undefined : new Certificates(settings, parts.clock);
    this.#cookies = new SessionCookies(settings, {
      isHttps: (request) => this.#isHttps(request),
      trustsCookie: (request) => this.#originCheck.trustsCookie(request),
    });
    const routeParts = { ...parts, cookies: this.#cookies, refused: this.#refused };
    this.#push = pushRoutes(settings, routeParts);
    this.#other = otherRoutes(settings, routeParts);
    this.#stream = (request, server) => parts.sse.answer(request, server, this.#client(request, server));
    parts.websocket.onRefused = (request, server, error) => {
      this.#refused.record(request, server, error);
      this.#audit(request, server, errorTable[error.code].status);
    };
  }

  /** @throws Error with the code EADDRINUSE if the port is in use */
  listen(): ListeningAddress {
    const { host, port, sharesPort } = this.#settings;
    const pipelines = new Pipelines();
    const routes: Record<string, Dispatch> = {};
    for (const [path, handle] of Object.entries(this.#push)) {
      routes[path] = pipelines.limit((request, server) => this.#answer(request, server, handle));
    }
    const listen = (at: number, tls: TLSOptions | undefined) =>
      Bun.serve<SocketState>({
        hostname: host,
        port: at,
        routes,
        fetch: pipelines.limit((request, server) => this.#fetch(request, server)),
        websocket: this.#parts.websocket.handler,
        idleTimeout: idleTimeoutS,
        // `readBody` enforces the limit, and explains a refusal. A body that is not read is not buffered.
        maxRequestBodySize: Number.MAX_SAFE_INTEGER,
        development: false,
        // Explicit, because outside of development mode the runtime would share a port that is in use instead of failing.
        reusePort: sharesPort,
        error: respondError,
        ...(tls === undefined ? {} : { tls }),
      });
    const listener = new Listener(listen, { sharesPort });
    this.#listener = listener;
    const tls = this.#certificates?.options;
    const opened = listener.open(port, tls);
    this.#certificates?.watch((now, before) => listener.replace(now, before));
    return { host, port: opened, isTls: tls !== undefined };
  }

  /** Reads the certificate again, without waiting for the files to be checked. @returns false without TLS */
  reloadCertificate(): boolean {
    this.#certificates?.reload();
    return this.#certificates !== undefined;
  }

  /** Whether a client may still have a kept-alive connection. */
  get mayBeKeptAlive(): boolean {
    return performance.now() - this.#lastRequestAt < this.#settings.keepAliveTimeoutMs;
  }

  /** Requests in flight and open sockets. */
  get pending(): number {
    return this.#listener?.pending ?? 0;
  }

  /** Closes the listener; open connections stay open. */
  stopListening(): void {
    this.#certificates?.close();
    this.#listener?.stop();
  }

  /** Closes the remaining connections. */
  close(): void {
    this.#certificates?.close();
    this.#listener?.close();
    this.#listener = undefined;
  }

  #fetch(request: Request, server: Server<SocketState>): Response | Promise<Response | undefined> | undefined {
    let pathname: string;
    try {
      pathname = locationOf(request).pathname;
      checkSpelling(pathname);
    } catch (error) {
      return this.#finish(request, respondError(error));
    }
    if (pathname === this.#settings.wsPath || (pathname === "/" && request.headers.has("Upgrade"))) {
      return this.#handshakes.run(() => this.#upgrade(request, server));
    }
    if (pathname === "/sse" && (request.method === "GET" || request.method === "HEAD")) {
      return this.#handshakes.run(() => this.#answer(request, server, this.#stream));
    }
    return this.#answer(request, server, this.#other);
  }

  #upgrade(request: Request, server: Server<SocketState>): Response | Promise<Response | undefined> | undefined {
    const { websocket } = this.#parts;
    try {
      const refusal = this.#originCheck.refusal(request);
      if (refusal !== undefined) return websocket.refuse(request, server, refusal);
      const upgraded = websocket.upgrade(request, server, this.#client(request, server));
      return upgraded?.catch((error: unknown) => this.#refuseUpgrade(request, server, error));
    } catch (error) {
      return this.#refuseUpgrade(request, server, error);
    }
  }

  #refuseUpgrade(request: Request, server: Server<SocketState>, error: unknown): Response {
    const response = this.#refuse(request, server, error);
    this.#audit(request, server, response.status);
    return this.#finish(request, response);
  }

  #audit(request: Request, server: Server<SocketState>, status: number): void {
    const { method, headers } = request;
    const { pathname } = locationOf(request);
    if (!isAudited(method, pathname, status)) return;
    const { keys, audit } = this.#parts;
    const given = { authorization: headers.get("Authorization"), xApiKey: headers.get("X-API-Key") };
    const from = this.#peers.of(request, server).remote;
    audit.record(auditEntry({ method, pathname, headers: given }, keys, { from, status }));
  }

  /** Hot path: with a closure for each step and a promise between any two, a push allocated 0.8 KB more (bench/direct). */
  #answer(request: Request, server: Server<SocketState>, handle: Dispatch): Response | Promise<Response> {
    this.#lastRequestAt = performance.now();
    const refusal = this.#originCheck.refusal(request);
    if (refusal !== undefined) {
      return this.#answered(request, server, handle, this.#finish(request, this.#refuse(request, server, refusal)));
    }
    if (request.method === "OPTIONS") {
      return this.#answered(request, server, handle, this.#finish(request, this.#originCheck.preflight(request)));
    }
    let response: Response | Promise<Response>;
    try {
      response = handle(request, server);
    } catch (error) {
      response = this.#refuse(request, server, error);
    }
    if (response instanceof Promise) return this.#answerLater(request, server, handle, response);
    return this.#answered(request, server, handle, this.#finish(request, response, true));
  }

  async #answerLater(
    request: Request,
    server: Server<SocketState>,
    handle: Dispatch,
    answer: Promise<Response>,
  ): Promise<Response> {
    let response: Response;
    try {
      response = await answer;
    } catch (error) {
      response = this.#refuse(request, server, error);
    }
    return this.#answered(request, server, handle, this.#finish(request, response, true));
  }

  #refuse(request: Request, server: Server<SocketState>, error: unknown): Response {
    this.#refused.record(request, server, error);
    return respondError(error);
  }

  /** Keeps the connection open after the response, unless it is a stream. */
  #answered(request: Request, server: Server<SocketState>, handle: Dispatch, response: Response): Response {
    // Publishing is the hot path, and changes nothing for others.
    const mayBeAudited = handle === this.#other || handle === this.#stream || response.status >= 400;
    if (mayBeAudited) this.#audit(request, server, response.status);
    if (handle === this.#stream) return response;
    const body = this.#parts.responses.largeBodyOf(response);
    // Set only now, because the shorter timeout applies while a body is being received.
    if (body === undefined) server.timeout(request, this.#keepAliveS);
    else this.#keepUntilRead(request, server, body);
    return response;
  }

  #keepUntilRead(request: Request, server: Server<SocketState>, body: LargeBody): void {
    server.timeout(request, 0); // its client has SLOW_TIMEOUT to read some of it
    body.onEnd = () => server.timeout(request, this.#keepAliveS);
    body.peer = this.#peers.of(request, server).socket;
  }

  /** @param passedOriginCheck whether the page may read the response */
  #finish(request: Request, response: Response, passedOriginCheck = false): Response {
    if (this.closesConnections || hasUnreadBody(request)) response.headers.set("Connection", "close");
    // RFC 6797 §7.2: never over http.
    if (this.#hsts !== undefined && this.#isHttps(request))
      response.headers.set("Strict-Transport-Security", this.#hsts);
    if (passedOriginCheck) this.#originCheck.allowReading(request, response);
    return response;
  }

  /** The peer of a handshake, with the token in its cookie. */
  #client(request: Request, server: Server<SocketState>): Peer {
    const peer = this.#peers.of(request, server);
    if (!request.headers.has("Cookie")) return peer;
    try {
      return { ...peer, session: this.#cookies.tokenOf(request) };
    } catch (error) {
      if (error instanceof ServiceError) return { ...peer, session: error };
      throw error;
    }
  }

  #isHttps(request: Request): boolean {
    if (this.#certificates !== undefined) return true;
    const socket = this.#listener?.server?.requestIP(request);
    return this.#proxies.saysHttps(socket?.address ?? "", request.headers);
  }
}
