import { ServiceError } from "../../protocol/errors.ts";

/** The refusal of a publication that may be stored or not. @param reason Why, as the beginning of a sentence. */
export function unavailable(reason: string, cause?: unknown): ServiceError {
  const message = `${reason}; the message may or may not be stored; retry with the same id`;
  return new ServiceError("broker-unavailable", message, cause === undefined ? {} : { cause });
}
