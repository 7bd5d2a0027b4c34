import { ServiceError } from "../../protocol/errors.ts";

/** The error for a draft that may or may not be stored. @param reason The beginning of the message. */
export function unavailable(reason: string, cause?: unknown): ServiceError {
  const message = `${reason}; the message may or may not be stored; retry with the same id`;
  return new ServiceError("broker-unavailable", message, cause === undefined ? {} : { cause });
}
