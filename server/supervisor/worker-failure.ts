/** A worker that could not start. */
export class WorkerFailure extends Error {
  override readonly name = "WorkerFailure";
  /** The system's error code, such as EADDRINUSE, if there is one. */
  readonly code: string | undefined;

  constructor(message: string, code: string | undefined) {
    super(message);
    this.code = code;
  }
}
