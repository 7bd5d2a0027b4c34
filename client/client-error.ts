import type { ErrorCode } from "../protocol/errors.ts";

/**
 * `queue-full`: too many commands are waiting for answers. `closed`: the client was closed before the answer arrived.
 * `timeout`: a connected server did not answer. `invalid-data`: the data breaks the channel's schema. `no-state`: `getState`
 * failed or took too long, and will be retried. The other codes come from the server.
 */
export type ClientErrorCode = ErrorCode | "queue-full" | "closed" | "timeout" | "invalid-data" | "no-state";

/** A request failed, or received data could not be used. */
export class ClientError extends Error {
  override readonly name = "ClientError";
  declare readonly code: ClientErrorCode;

  constructor(code: ClientErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}
