import type { ErrorCode } from "../protocol/errors.ts";

/**
 * `queue-full`: too many commands wait for their answers. `closed`: the client ended before the answer came.
 * `invalid-data`: the data breaks the channel's schema. `no-state`: `getState` failed; it is asked again. The others are the
 * server's.
 */
export type ClientErrorCode = ErrorCode | "queue-full" | "closed" | "invalid-data" | "no-state";

/** Something that was asked for did not happen, or something that came could not be used. */
export class ClientError extends Error {
  override readonly name = "ClientError";
  declare readonly code: ClientErrorCode;

  constructor(code: ClientErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}
