import { present } from "../../protocol/codec.ts";
import { isRetryable, type ServiceError } from "../../protocol/errors.ts";
import type { ErrorFrame } from "../../protocol/frames.ts";

/**
 * An error as a client receives it. `retry_after_ms` is present if and only if the same command may succeed later, so that a
 * client needs no list of codes. 0 means that the server does not know when: the client retries with growing delays.
 */
export function errorFrame({ code, message, field, retryAfterMs }: ServiceError): ErrorFrame {
  const waitMs = isRetryable(code) ? (retryAfterMs ?? 0) : undefined;
  return { type: "error", code, message, ...present({ field, retry_after_ms: waitMs }) };
}
