import { ServiceError } from "../../protocol/errors.ts";

/**
 * Where a request goes. The runtime makes its address from the path and whatever the client wrote into `Host`.
 * @throws ServiceError "bad-request" where that is no host at all (RFC 9112 §3.2)
 */
export function locationOf(request: Request): URL {
  const url = URL.parse(request.url);
  if (url !== null) return url;
  const got = JSON.stringify(request.headers.get("Host")?.slice(0, 100) ?? null);
  throw new ServiceError(
    "bad-request",
    `Host: expected a name or address, and a port if it is not the usual one, got ${got}`,
  );
}
