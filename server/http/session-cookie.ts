import { ServiceError } from "../../protocol/errors.ts";

export interface SessionCookieSettings {
  readonly cookieSameSite: "strict" | "lax" | "none";
}

/** The properties of a request that the cookie depends on. */
export interface CookieChecks {
  /** Whether the client's request came over https, to this server or to a trusted proxy before it. */
  isHttps(request: Request): boolean;
  /** Whether the page behind the request may use the browser's cookie, see OriginCheck. */
  trustsCookie(request: Request): boolean;
}

/**
 * The names of the cookie. Over https it has a prefix that browsers enforce (RFC 6265bis §4.1.3.2): no subdomain and no page
 * over http can replace it.
 */
export const cookieNames = { https: "__Host-fanfare", http: "fanfare" } as const;

/** Browsers ignore a cookie whose name and value are longer (RFC 6265bis §5.6). */
const maxCookieBytes = 4096;

/**
 * The cookie with a user's token, for an EventSource, which cannot send headers. It contains the token itself, so it works on
 * all workers and machines, and expires and is blocked like the token.
 */
export class SessionCookies {
  readonly #sameSite: string;
  readonly #checks: CookieChecks;

  constructor({ cookieSameSite }: SessionCookieSettings, checks: CookieChecks) {
    this.#sameSite = `${cookieSameSite[0]?.toUpperCase()}${cookieSameSite.slice(1)}`;
    this.#checks = checks;
  }

  /** The token in a request's cookie. @throws ServiceError "forbidden" if another website may have caused the request */
  tokenOf(request: Request): string | undefined {
    const header = request.headers.get("Cookie");
    const token = header === null ? undefined : valueIn(header, this.nameFor(request));
    if (token === undefined || this.#checks.trustsCookie(request)) return token;
    const rule =
      "a request that is authenticated by the cookie must come from this server's own origin or one of CORS_ORIGINS";
    throw new ServiceError("forbidden", `Origin: ${rule}, named without *; or send the token as Authorization: Bearer`);
  }

  nameFor(request: Request): string {
    return this.#checks.isHttps(request) ? cookieNames.https : cookieNames.http;
  }

  /** @throws ServiceError "bad-request" if browsers would not keep a cookie with the token */
  check(request: Request, token: string): void {
    const name = this.nameFor(request);
    const room = maxCookieBytes - name.length;
    if (token.length > room) {
      throw new ServiceError("bad-request", `the token has ${token.length} characters: a cookie can hold only ${room}`);
    }
    if (this.#sameSite === "None" && !this.#checks.isHttps(request)) {
      const hint = "use https (TLS_CERT, or TRUSTED_PROXIES and X-Forwarded-Proto behind a proxy)";
      throw new ServiceError(
        "bad-request",
        `browsers accept a cookie with COOKIE_SAME_SITE=none only over https: ${hint}`,
      );
    }
  }

  /** `Set-Cookie`, for a token that passed `check`. */
  make(request: Request, token: string, maxAgeS: number): string {
    return this.#write(request, token, maxAgeS);
  }

  /** `Set-Cookie` that makes the browser forget the cookie. */
  clear(request: Request): string {
    return this.#write(request, "", 0);
  }

  #write(request: Request, value: string, maxAgeS: number): string {
    const secure = this.#checks.isHttps(request) ? "; Secure" : "";
    const attributes = `Path=/; Max-Age=${maxAgeS}; HttpOnly${secure}; SameSite=${this.#sameSite}`;
    return `${this.nameFor(request)}=${value}; ${attributes}`;
  }
}

/** RFC 6265 §5.4: `a=1; b=2`. An empty value counts as none. */
function valueIn(header: string, name: string): string | undefined {
  for (const pair of header.split(";")) {
    const at = pair.indexOf("=");
    if (at >= 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim() || undefined;
  }
  return undefined;
}
