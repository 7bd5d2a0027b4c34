import { ServiceError } from "../../protocol/errors.ts";

/** The error for a change that may or may not be stored. @param reason The beginning of the message. */
export function schedulesUnavailable(reason: string, cause?: unknown): ServiceError {
  const message = `${reason}; the change may or may not be stored; try again`;
  return new ServiceError("broker-unavailable", message, {
    retryAfterMs: 1000,
    ...(cause === undefined ? {} : { cause }),
  });
}
