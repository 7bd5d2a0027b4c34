import { ServiceError } from "../../protocol/errors.ts";

export interface OriginCheckSettings {
  /** Any credential is configured. */
  readonly isSecured: boolean;
  /** Turns off both checks of an open server. */
  readonly insecure: boolean;
  /** Undefined: the default of the mode. */
  readonly corsOrigins: readonly string[] | undefined;
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
    const { isSecured, insecure } = this.#settings;
    if (insecure && !isSecured) return undefined;
    const host = request.headers.get("Host") ?? "";
    if (!isSecured && !this.#isOwnName(host)) {
      const rule = "an open server accepts only loopback names such as localhost";
      return new ServiceError("forbidden", `Host: ${rule}, got ${shown(host)}`);
    }
    const origin = request.headers.get("Origin");
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
    response.headers.set("Vary", "Origin");
  }

  /** The response to a CORS preflight request. */
  preflight(request: Request): Response {
    const headers = {
      "Access-Control-Allow-Methods": "GET, POST, PUT, DELETE",
      "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key, Last-Event-ID, X-API-Key",
      "Access-Control-Max-Age": "600",
    };
    const response = new Response(null, { status: 204, headers });
    this.allowReading(request, response);
    return response;
  }

  #allows(origin: string, host: string): boolean {
    const { corsOrigins, isSecured } = this.#settings;
    if (corsOrigins?.includes("*")) return true;
    if (corsOrigins?.includes(origin)) return true;
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

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 100));
}
