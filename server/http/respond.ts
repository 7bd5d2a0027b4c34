import { getLogger } from "@logtape/logtape";
import { present } from "../../protocol/codec.ts";
import { type ErrorCode, errorTable, ServiceError } from "../../protocol/errors.ts";
import type { Reply } from "../api/call.ts";

const titles: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  409: "Conflict",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  422: "Unprocessable Content",
  426: "Upgrade Required",
  429: "Too Many Requests",
  500: "Internal Server Error",
  503: "Service Unavailable",
};

/**
 * The headers of every response. Browsers must not guess another content type, and other websites must not embed a response.
 * Whether a page may read it depends on its origin, so a shared cache must not mix them up.
 */
export const commonHeaders = {
  "X-Content-Type-Options": "nosniff",
  "Cross-Origin-Resource-Policy": "same-origin",
  Vary: "Origin",
} as const;

/**
 * The headers of all responses except the page and the documents. They must not be cached: a cache would serve a private
 * history to the next client without checking its key.
 */
export function answerHeaders(contentType: string): Record<string, string> {
  return { ...commonHeaders, "Content-Type": contentType, "Cache-Control": "no-store" };
}

/** The response to a successful API request that is small. */
export function respond({ status, body }: Reply): Response {
  return new Response(body, jsonInit(status));
}

/** Status and headers of a response with JSON. They are created once, since a plain object of headers would be converted for each response. */
export function jsonInit(status: number): ResponseInit {
  return status === 200 ? okInit : { status, headers: jsonHeaders };
}

const jsonHeaders = new Headers(answerHeaders("application/json; charset=utf-8"));
const okInit = { status: 200, headers: jsonHeaders };

export function respondJson(value: unknown, status = 200): Response {
  return respond({ status, body: JSON.stringify(value) });
}

/** The path exists, with other methods. RFC 9110 §15.5.6: the response lists them. */
export class WrongMethod extends ServiceError {
  readonly methods: readonly string[];

  constructor(path: string, method: string, methods: readonly string[]) {
    super("method-not-allowed", `${path.slice(0, 200)}: expected ${methods.join(" or ")}, got ${method}`);
    this.methods = methods;
  }
}

/** Turns errors into responses: a ServiceError with its message (RFC 9457), anything else as a bare 500, because it is a bug. */
export function respondError(error: unknown): Response {
  if (!(error instanceof ServiceError)) {
    getLogger(["fanfare", "http"]).error("A request failed: {error}", { error });
    return respondError(new ServiceError("internal", "internal error: see the server's log"));
  }
  const { code, message, field, retryAfterMs } = error;
  if (code === "internal" && error.cause !== undefined) {
    getLogger(["fanfare", "http"]).error("A request failed: {message}: {cause}", { message, cause: error.cause });
  }
  const { status } = errorTable[code];
  const body = { ...problemOf(code, message), ...present({ field, retry_after_ms: retryAfterMs }) };
  const headers = new Headers(answerHeaders("application/problem+json; charset=utf-8"));
  if (retryAfterMs !== undefined) headers.set("Retry-After", String(Math.ceil(retryAfterMs / 1000)));
  else if (status === 503) headers.set("Retry-After", "5");
  // The rest of the body will not be read.
  if (status === 413 || status === 408) headers.set("Connection", "close");
  // A connection that stays open would use one of the last file descriptors.
  if (code === "full") headers.set("Connection", "close");
  if (status === 415) headers.set("Accept-Encoding", "identity"); // RFC 9110 §15.5.16
  if (status === 401) headers.set("WWW-Authenticate", "Bearer");
  if (error instanceof WrongMethod) headers.set("Allow", error.methods.join(", "));
  if (status === 426) headers.set("Upgrade", "websocket");
  return new Response(JSON.stringify(body), { status, headers });
}

/** The body of an error response (RFC 9457). */
export function problemOf(code: ErrorCode, detail: string) {
  const { status } = errorTable[code];
  return { type: `urn:fanfare:error:${code}`, title: titles[status] ?? "Error", status, detail, code };
}
