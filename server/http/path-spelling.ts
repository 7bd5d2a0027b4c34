import { ServiceError } from "../../protocol/errors.ts";

/** Escapes of characters that are never escaped in a URL (RFC 3986 §2.3): `-`, `.`, `_`, `~`, letters and digits. */
const needless = /%(2[DE]|3\d|4[1-9A-F]|5[0-9AF]|6[1-9A-F]|7[0-9AE])/i;

/**
 * Each path has one spelling, so that a proxy which blocks `/v1/` also blocks `/%76%31/`. The runtime has already resolved `.`
 * and `..`, as proxies do.
 * @throws ServiceError "bad-request"
 */
export function checkSpelling(pathname: string): void {
  if (!pathname.includes("%")) return;
  if (needless.test(pathname)) {
    throw new ServiceError("bad-request", "path: expected letters, digits and - . _ ~ as they are, not escaped with %");
  }
  checkEscapes("path", pathname);
}

/**
 * A name in Latin-1, such as `Zo%EB`, cannot be decoded. Taken as it is written, it would be the name of somebody else: a request
 * to block the user Zoë would block a user that nobody is.
 * @throws ServiceError "bad-request"
 */
export function checkEscapes(part: "path" | "query", text: string): void {
  if (!text.includes("%") || isDecodable(text)) return;
  const got = JSON.stringify(text.slice(0, 60));
  throw new ServiceError(
    "bad-request",
    `${part}: expected UTF-8, with each byte escaped as % and two digits, got ${got}`,
  );
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false; // the caller reports the error
  }
}
