import type { CloseName } from "../../protocol/close-codes.ts";
import { type ErrorCode, isRetryable } from "../../protocol/errors.ts";

/** The close code for a refused handshake if the client cannot see a status. The client reconnects if `errorTable` says retry. */
export function closeNameFor(code: ErrorCode): CloseName {
  return closeNames[code] ?? (isRetryable(code) ? "unavailable" : "bad-request");
}

const closeNames: Partial<Record<ErrorCode, CloseName>> = {
  unauthorized: "not-allowed",
  "token-expired": "token-expired",
  forbidden: "not-allowed",
  conflict: "already-connected",
  "rate-limited": "too-many",
  internal: "internal",
};
