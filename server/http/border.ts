import { ServiceError } from "../../protocol/errors.ts";

export interface BorderSettings {
  /** Any credential is configured. */
  readonly isSecured: boolean;
  /** Takes both checks away. */
  readonly insecure: boolean;
  /** Undefined: the default of the mode. */
  readonly corsOrigins: readonly string[] | undefined;
  /** What the server listens on: a name for it in `Host` as well. */
  readonly host: string;
}

const loopback = /^(localhost|[^.]+\.localhost|127(\.\d{1,3}){3}|\[::1\])$/i;
const extension = /^(chrome|moz|safari-web)-extension:$/;

/**
 * Who may come in from a browser. Any website can make a browser send requests to a server on loopback, and a name of its
 * own can point there; so an open server takes no foreign `Origin` and no `Host` that is no loopback name. Programs that
 * send no `Origin` pass.
 */
export class Border {
  readonly #settings: BorderSettings;

  constructor(settings: BorderSettings) {
    this.#settings = settings;
  }

  /** @throws ServiceError "forbidden" */
  check(request: Request): void {
    const refusal = this.refusal(request);
    if (refusal !== undefined) throw refusal;
  }

  /** Why the request may not come in; undefined where it may. */
  refusal(request: Request): ServiceError | undefined {
    const { isSecured, insecure } = this.#settings;
    if (insecure && !isSecured) return undefined;
    const host = request.headers.get("Host") ?? "";
    if (!isSecured && !this.#isOwnName(host)) {
      const rule = "an open server answers to loopback names only";
      return new ServiceError("forbidden", `Host: ${rule}, got ${shown(host)}`);
    }
    const origin = request.headers.get("Origin");
    if (origin !== null && !this.#allows(origin, host)) {
      const message = `Origin: ${shown(origin)} is not allowed here; CORS_ORIGINS names those that are`;
      return new ServiceError("forbidden", message);
    }
    return undefined;
  }

  /** What lets the page that asked read the answer. Of a request that passed `check`. */
  corsHeaders(request: Request): Readonly<Record<string, string>> {
    const origin = request.headers.get("Origin");
    return origin === null ? {} : { "Access-Control-Allow-Origin": origin, Vary: "Origin" };
  }

  /** The answer to a browser that asks before it sends. */
  preflight(request: Request): Response {
    const headers = {
      ...this.corsHeaders(request),
      "Access-Control-Allow-Methods": "GET, POST, PUT, DELETE",
      "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key, Last-Event-ID, X-API-Key",
      "Access-Control-Max-Age": "600",
    };
    return new Response(null, { status: 204, headers });
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
    const name = host.replace(/:\d{1,5}$/, "");
    return loopback.test(name) || name === this.#settings.host;
  }
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 100));
}
