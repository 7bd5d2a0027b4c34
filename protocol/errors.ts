/**
 * Every error a caller can receive: its HTTP status, whether the same request may succeed later, and what it means.
 * docs/errors.md is generated from this table.
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
  "not-found": { status: 404, retry: false, meaning: "Nothing exists under that name." },
  "method-not-allowed": { status: 405, retry: false, meaning: "The path exists, but not with this method." },
  "request-timeout": { status: 408, retry: true, meaning: "The request took too long to arrive." },
  conflict: {
    status: 409,
    retry: false,
    meaning: "The user is already connected, and a second connection is refused.",
  },
  "too-large": { status: 413, retry: false, meaning: "The body or the publication is over its limit." },
  "unsupported-media-type": {
    status: 415,
    retry: false,
    meaning: "The body is compressed or encoded in another way (`Content-Encoding`): send it as it is.",
  },
  "invalid-field": {
    status: 422,
    retry: false,
    meaning: "A field is missing or breaks its rule; the message names both.",
  },
  "upgrade-required": { status: 426, retry: false, meaning: "The path requires a WebSocket handshake." },
  "rate-limited": {
    status: 429,
    retry: true,
    meaning: "Too many messages or connections; `retry_after_ms` says when to retry.",
  },
  "too-many-channels": {
    status: 429,
    retry: false,
    meaning: "The server or the connection has reached its channel limit: leave a channel, or raise the limit.",
  },
  "too-many-schedules": {
    status: 429,
    retry: false,
    meaning: "The server has reached its limit of schedules, or of their bytes: delete some, or raise the limit.",
  },
  "unknown-type": { status: 400, retry: false, meaning: "The protocol has no frame of this `type`." },
  internal: { status: 500, retry: true, meaning: "Internal error; details are in the server's log." },
  "broker-unavailable": {
    status: 503,
    retry: true,
    meaning:
      "The server cannot reach what it stores things in. A publication may not be stored: send it again with the same id.",
  },
  "hook-unavailable": {
    status: 503,
    retry: true,
    meaning: "The application that decides who may connect or subscribe does not answer: try again later.",
  },
  "keys-unavailable": {
    status: 503,
    retry: true,
    meaning: "The key that verifies the token cannot be read from `JWKS_URL` now: try again later with the same token.",
  },
  "idempotency-full": {
    status: 503,
    retry: true,
    meaning: "The idempotency window is full: new ids are refused until old ones expire.",
  },
  starting: { status: 503, retry: true, meaning: "The server is starting; try again in a second." },
  draining: { status: 503, retry: true, meaning: "The server is shutting down." },
  full: { status: 503, retry: true, meaning: "The server has reached its connection limit." },
  overloaded: { status: 503, retry: true, meaning: "The server has reached its memory limit: try again later." },
} as const;

export type ErrorCode = keyof typeof errorTable;

type RetryableCode = { [Code in ErrorCode]: (typeof errorTable)[Code]["retry"] extends true ? Code : never }[ErrorCode];

/** The codes with `retry: true`, checked by a test. A separate list, so that the SDK does not bundle the sentences of the table. */
const retryableCodes = [
  "request-timeout",
  "rate-limited",
  "internal",
  "broker-unavailable",
  "hook-unavailable",
  "keys-unavailable",
  "idempotency-full",
  "starting",
  "draining",
  "full",
  "overloaded",
] as const satisfies readonly RetryableCode[];

/** Whether the same request may succeed later. Unknown codes: false. */
export function isRetryable(code: string): boolean {
  return (retryableCodes as readonly string[]).includes(code);
}

/** An error that is reported to the caller. Anything else that is thrown is a bug. */
export class ServiceError extends Error {
  override readonly name = "ServiceError";
  readonly code: ErrorCode;
  /** The field that broke the rule, if any. */
  readonly field: string | undefined;
  /** When to retry, in milliseconds from now. */
  readonly retryAfterMs: number | undefined;

  /** @param message Says what is wrong and what was expected. It is shown to the caller. */
  constructor(code: ErrorCode, message: string, options: ServiceErrorOptions = {}) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.field = options.field;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** Optional fields of an error. */
export interface ServiceErrorOptions {
  readonly field?: string;
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
}
