import type { ErrorCode } from "../../protocol/errors.ts";

/**
 * The server's codes, and: `unreachable`, no answer, or one that is not from a Fanfare server; `timeout`, no answer in time;
 * `aborted`, the caller's signal.
 */
export type PublishErrorCode = ErrorCode | "unreachable" | "timeout" | "aborted";

/** A publication is not known to be stored. */
export class PublishError extends Error {
  override readonly name = "PublishError";
  readonly code: PublishErrorCode;
  /** HTTP status of the last answer; undefined if there was none. */
  readonly status: number | undefined;
  /** The field that broke a rule, if any. */
  readonly field: string | undefined;
  /**
   * The id of the publication. After a code that can be retried, publish with the same id again: if the publication was stored
   * after all, it is not stored a second time.
   */
  readonly id: string;

  constructor(
    code: PublishErrorCode,
    message: string,
    { id, status, field, cause }: { id: string; status?: number; field?: string | undefined; cause?: unknown },
  ) {
    super(message, { cause });
    this.code = code;
    this.id = id;
    this.status = status;
    this.field = field;
  }
}
