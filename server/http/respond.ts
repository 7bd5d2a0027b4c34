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
  422: "Unprocessable Content",
  426: "Upgrade Required",
  429: "Too Many Requests",
  500: "Internal Server Error",
  503: "Service Unavailable",
};

/**
 * The headers of every answer but the page and its documents. No cache may keep one: it would serve a private history to
 * the next client, without asking for its key.
 */
export function answerHeaders(contentType: string): Record<string, string> {
  return { "Content-Type": contentType, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff" };
}

/** What a verb answered. */
export function respond({ status, body }: Reply): Response {
  return new Response(body, { status, headers: answerHeaders("application/json; charset=utf-8") });
}

export function respondJson(value: unknown, status = 200): Response {
  return respond({ status, body: JSON.stringify(value) });
}

/** The one place where failures become answers: refusals say why (RFC 9457), anything else is a bug and says nothing. */
export function respondError(error: unknown): Response {
  if (!(error instanceof ServiceError)) {
    getLogger(["fanfare", "http"]).error("A request failed: {error}", { error });
    return respondError(new ServiceError("internal", "the server failed to answer; why is in its log"));
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
  // The rest of the body is on its way, and nobody reads it.
  if (status === 413 || status === 408) headers.set("Connection", "close");
  // There is no room for it: a client that keeps the connection open takes one of the last files.
  if (code === "full") headers.set("Connection", "close");
  if (status === 401) headers.set("WWW-Authenticate", "Bearer");
  if (status === 426) headers.set("Upgrade", "websocket");
  return new Response(JSON.stringify(body), { status, headers });
}

/** The body of a refusal, as RFC 9457 wants it. */
export function problemOf(code: ErrorCode, detail: string) {
  const { status } = errorTable[code];
  return { type: `urn:fanfare:error:${code}`, title: titles[status] ?? "Error", status, detail, code };
}
