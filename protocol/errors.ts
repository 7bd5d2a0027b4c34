/**
 * Every refusal a caller can meet: its HTTP status, whether the same request may succeed later, and what it means.
 * The page docs/errors.md is made from this table.
 */
export const errorTable = {
  "bad-json": { status: 400, retry: false, meaning: "The text is not JSON, or is nested too deep." },
  "bad-request": { status: 400, retry: false, meaning: "A parameter or header breaks a rule; the message names both." },
  unauthorized: { status: 401, retry: false, meaning: "A key or token is missing, wrong or expired." },
  "token-expired": {
    status: 401,
    retry: false,
    meaning: "The token has expired, or is not valid yet: connect with a new one.",
  },
  forbidden: { status: 403, retry: false, meaning: "The key, token or origin does not allow this." },
  "not-found": { status: 404, retry: false, meaning: "There is nothing by that name." },
  "method-not-allowed": { status: 405, retry: false, meaning: "The path exists, but not with this method." },
  "request-timeout": { status: 408, retry: true, meaning: "The request took too long to arrive." },
  conflict: {
    status: 409,
    retry: false,
    meaning: "The user is already connected, and a second connection is refused.",
  },
  "too-large": { status: 413, retry: false, meaning: "The body or the publication is over its limit." },
  "invalid-field": {
    status: 422,
    retry: false,
    meaning: "A field is missing or breaks its rule; the message names both.",
  },
  "upgrade-required": { status: 426, retry: false, meaning: "The path wants a WebSocket handshake." },
  "rate-limited": {
    status: 429,
    retry: true,
    meaning: "Too many messages or connections; `retry_after_ms` says when.",
  },
  "too-many-channels": {
    status: 429,
    retry: false,
    meaning: "The server or the connection has as many channels as it may: leave one, or raise the limit.",
  },
  "unknown-type": { status: 400, retry: false, meaning: "The frame's `type` is not one of the protocol." },
  internal: { status: 500, retry: true, meaning: "A fault of the server; it is in the server's log." },
  "broker-unavailable": {
    status: 503,
    retry: true,
    meaning: "It is not known to be stored: say it again with the same id.",
  },
  "idempotency-full": {
    status: 503,
    retry: true,
    meaning: "The memory of ids is full; new ones are refused, old ones kept.",
  },
  starting: { status: 503, retry: true, meaning: "The server is starting; try again in a second." },
  draining: { status: 503, retry: true, meaning: "The server is shutting down." },
  full: { status: 503, retry: true, meaning: "The server has as many connections as it may." },
} as const;

export type ErrorCode = keyof typeof errorTable;

type PassingCode = { [Code in ErrorCode]: (typeof errorTable)[Code]["retry"] extends true ? Code : never }[ErrorCode];

/** The codes with `retry: true`; a test holds the two together. The SDK bundles this list only, not the sentences of the table. */
const passingCodes = [
  "request-timeout",
  "rate-limited",
  "internal",
  "broker-unavailable",
  "idempotency-full",
  "starting",
  "draining",
  "full",
] as const satisfies readonly PassingCode[];

/** Whether the same request may succeed later. Codes that are not in the table: no. */
export function isPassing(code: string): boolean {
  return (passingCodes as readonly string[]).includes(code);
}

/** A failure the caller is told about. Anything else that is thrown is a bug. */
export class ServiceError extends Error {
  override readonly name = "ServiceError";
  readonly code: ErrorCode;
  /** The field that broke the rule, where there is one. */
  readonly field: string | undefined;
  /** When to try again, milliseconds from now. */
  readonly retryAfterMs: number | undefined;

  /** @param message Says what was wrong and what would be right; it is shown to the caller. */
  constructor(code: ErrorCode, message: string, options: ServiceErrorOptions = {}) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.field = options.field;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** What a refusal can carry beside its code and message. */
export interface ServiceErrorOptions {
  readonly field?: string;
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
}
