import { ServiceError } from "../../protocol/errors.ts";

/** The error for a presence that cannot be told now. */
export function presenceUnavailable(reason: string, retryAfterMs = 1000, cause?: unknown): ServiceError {
  return new ServiceError("broker-unavailable", `presence is not available right now: ${reason}`, {
    retryAfterMs,
    cause,
  });
}
