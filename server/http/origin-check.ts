import { ServiceError } from "../../protocol/errors.ts";
import { commonHeaders } from "./respond.ts";

export interface OriginCheckSettings {
  /** Any credential is configured. */
  readonly isSecured: boolean;
  /** Turns off both checks of an open server. */
  readonly insecure: boolean;
  /** Undefined: the default of the mode. */
  readonly corsOrigins: readonly string[] | undefined;
  /**
   * Names that are accepted in `Host`, without a port; `*.example.com` for subdomains. Undefined: the default of the mode.
   */
  readonly allowedHosts?: readonly string[] | undefined;
  /** The address the server listens on. It is also allowed in `Host`. */
  readonly host: string;
}

const loopback = /^(localhost|[^.]+\.localhost|127(\.\d{1,3}){3}|\[::1\])$/i;
const extension = /^(chrome|moz|safari-web)-extension:$/;

/**
 * Checks `Origin` and `Host`, to protect the server from other websites in a browser. Any website can make a browser send
 * requests to a server on loopback, and can let its own name resolve to loopback. So an open server rejects foreign origins,
 * and hosts that are not loopback names. Programs that send no `Origin` pass.
 */
export class OriginCheck {
  readonly #settings: OriginCheckSettings;
  /** Checked before. Most requests name the same host. */
  #lastOwnHost: string | undefined;

  constructor(settings: OriginCheckSettings) {
    this.#settings = settings;
  }

  /** @throws ServiceError "forbidden" */
  check(request: Request): void {
    const refusal = this.refusal(request);
    if (refusal !== undefined) throw refusal;
  }

  /** The error for a request that is not allowed; undefined if it is allowed. */
  refusal(request: Request): ServiceError | undefined {
    const { isSecured, insecure, allowedHosts } = this.#settings;
    const host = request.headers.get("Host") ?? "";
    if (allowedHosts !== undefined && !isProbe(request) && !isAmong(allowedHosts, host)) {
      return new ServiceError("forbidden", `Host: expected one of ALLOWED_HOSTS, got ${shown(host)}`);
    }
    if (insecure && !isSecured) return undefined;
    if (!isSecured && allowedHosts === undefined && !this.#isOwnName(host)) {
      const rule = "an open server accepts only loopback names such as localhost";
      return new ServiceError("forbidden", `Host: ${rule}, got ${shown(host)}`);
    }
    const origin = request.headers.get("Origin");
    if (origin === null && !isSecured && isEmbedded(request)) {
      const message =
        "Sec-Fetch-Site: an open server refuses requests that a page of another website causes, such as images";
      return new ServiceError("forbidden", message);
    }
    if (origin !== null && !this.#allows(origin, host)) {
      const message = `Origin: ${shown(origin)} is not allowed: add it to CORS_ORIGINS`;
      return new ServiceError("forbidden", message);
    }
    return undefined;
  }

  /** Lets the page that sent the request read the response (CORS). Only for a request that passed `check`. */
  allowReading(request: Request, response: Response): void {
    const origin = request.headers.get("Origin");
    if (origin === null) return; // not a page: publishers and command lines send none
    response.headers.set("Access-Control-Allow-Origin", origin);
    response.headers.set("Access-Control-Expose-Headers", "Retry-After"); // browsers hide it otherwise
    response.headers.set("Vary", "Origin");
    // With its user's cookie, a page must be allowed by name: `*` allows only requests that any program could send.
    if (this.#isNamed(origin, request.headers.get("Host") ?? "")) {
      response.headers.set("Access-Control-Allow-Credentials", "true");
    }
  }

  /**
   * Whether a cookie in the request proves that the user wants it: browsers add cookies to requests that other websites
   * cause. So a request that can change something needs the `Origin` of a page that is allowed by name; so does a WebSocket
   * handshake, to which CORS does not apply. A GET without `Origin` comes from a page of this server, or from no page.
   */
  trustsCookie({ headers, method }: Request): boolean {
    const origin = headers.get("Origin");
    if (origin !== null) return this.#isNamed(origin, headers.get("Host") ?? "");
    const isSafe = (method === "GET" || method === "HEAD") && !headers.has("Upgrade");
    const site = headers.get("Sec-Fetch-Site") ?? "none";
    return isSafe && (site === "none" || site === "same-origin");
  }

  /** The response to a CORS preflight request. */
  preflight(request: Request): Response {
    const headers = {
      ...commonHeaders,
      "Cache-Control": "no-store", // browsers keep it as Access-Control-Max-Age says
      "Access-Control-Allow-Methods": "GET, POST, PUT, DELETE",
      "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key, Last-Event-ID, X-API-Key",
      "Access-Control-Max-Age": "600",
    };
    const response = new Response(null, { status: 204, headers });
    this.allowReading(request, response);
    return response;
  }

  #allows(origin: string, host: string): boolean {
    return this.#settings.corsOrigins?.includes("*") || this.#isNamed(origin, host);
  }

  /** Whether an origin is allowed by more than `*`. */
  #isNamed(origin: string, host: string): boolean {
    const { corsOrigins, isSecured } = this.#settings;
    if (origin !== "*" && corsOrigins?.includes(origin)) return true;
    const url = URL.parse(origin);
    if (url === null) return false;
    if (url.host !== "" && url.host === host) return true; // a page of this server itself
    if (corsOrigins !== undefined || isSecured) return false;
    return extension.test(url.protocol) || loopback.test(url.hostname);
  }

  #isOwnName(host: string): boolean {
    if (host === this.#lastOwnHost) return true;
    const isOwn = this.#isLoopbackOrOwn(host);
    if (isOwn) this.#lastOwnHost = host;
    return isOwn;
  }

  #isLoopbackOrOwn(host: string): boolean {
    const name = host.replace(/:\d{1,5}$/, "");
    return loopback.test(name) || name === this.#settings.host;
  }
}

/** Health checks name the server by its address, and tell nothing. */
function isProbe({ url }: Request): boolean {
  const { pathname } = new URL(url);
  return pathname === "/livez" || pathname === "/readyz";
}

function isAmong(allowed: readonly string[], host: string): boolean {
  const name = host.replace(/:\d{1,5}$/, "").toLowerCase();
  return allowed.some((it) => (it.startsWith("*.") ? name.endsWith(it.slice(1)) : it === name));
}

/**
 * Whether a page of another website made the browser send this request by itself, for example as the address of an image.
 * Such requests have no `Origin`, and `/sse?user_id=` could replace a user's connection. Following a link to the page or
 * the documentation is fine.
 */
function isEmbedded({ headers, url }: Request): boolean {
  if (headers.get("Sec-Fetch-Site") !== "cross-site") return false;
  if (headers.get("Sec-Fetch-Dest") !== "document") return true;
  const { pathname } = new URL(url);
  return pathname !== "/" && pathname !== "/docs";
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 100));
}
