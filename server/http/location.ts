import { ServiceError } from "../../protocol/errors.ts";
import { checkEscapes } from "./path-spelling.ts";

/**
 * The URL of a request. The runtime builds it from the path and the client's `Host` header.
 * @throws ServiceError "bad-request" if `Host` is invalid (RFC 9112 §3.2)
 */
export function locationOf(request: Request): URL {
  const url = URL.parse(request.url);
  if (url !== null) return url;
  const got = JSON.stringify(request.headers.get("Host")?.slice(0, 100) ?? null);
  throw new ServiceError("bad-request", `Host: expected a host name or address with an optional port, got ${got}`);
}

/** Reads the query parameters of the requests to one endpoint. */
export class Queries {
  readonly #none = new URLSearchParams();
  /** The last URL without a query. Publishers use the same one again and again, and it need not be parsed again. */
  #plainUrl = "";

  /** @throws ServiceError "bad-request" if `Host` is invalid, or a parameter is not UTF-8 */
  of(request: Request): URLSearchParams {
    const { url } = request;
    if (url === this.#plainUrl) return this.#none;
    const { search, searchParams } = locationOf(request);
    if (search === "") this.#plainUrl = url;
    else checkEscapes("query", search);
    return searchParams;
  }
}
