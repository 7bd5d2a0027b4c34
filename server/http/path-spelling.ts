import { ServiceError } from "../../protocol/errors.ts";

/** Escapes of characters that are never escaped in a URL (RFC 3986 §2.3): `-`, `.`, `_`, `~`, letters and digits. */
const needless = /%(2[DE]|3\d|4[1-9A-F]|5[0-9AF]|6[1-9A-F]|7[0-9AE])/i;

/**
 * Each path has one spelling, so that a proxy which blocks `/v1/` also blocks `/%76%31/`. The runtime has already resolved `.`
 * and `..`, as proxies do.
 * @throws ServiceError "bad-request"
 */
export function checkSpelling(pathname: string): void {
  if (!needless.test(pathname)) return;
  throw new ServiceError("bad-request", "path: expected letters, digits and - . _ ~ as they are, not escaped with %");
}
