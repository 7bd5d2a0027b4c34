import { ServiceError } from "../../protocol/errors.ts";

/** The error for a change that may or may not be stored. @param reason The beginning of the message. */
export function schedulesUnavailable(reason: string, cause?: unknown): ServiceError {
  return schedulesRefused(`${reason}; the change may or may not be stored; try again`, cause);
}

/** The same with the whole message, as another process has made it. */
export function schedulesRefused(message: string, cause?: unknown): ServiceError {
  return new ServiceError("broker-unavailable", message, {
    retryAfterMs: 1000,
    ...(cause === undefined ? {} : { cause }),
  });
}
