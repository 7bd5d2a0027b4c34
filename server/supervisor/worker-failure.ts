/** A worker that could not begin. */
export class WorkerFailure extends Error {
  override readonly name = "WorkerFailure";
  /** Such as EADDRINUSE, where the system said why. */
  readonly code: string | undefined;

  constructor(message: string, code: string | undefined) {
    super(message);
    this.code = code;
  }
}
