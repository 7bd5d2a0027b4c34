import type { HistoryFile } from "./history-file.ts";
import type { OpenFiles } from "./open-files.ts";

/** After a failure, ordinary appends do not try again for this long, because an attempt is expensive. */
const retryAfterMs = 1000;

/** Runs the transactions of a file. Each is either on disk, in files that are still at their places, or rolled back. */
export class Transactions {
  readonly #file: HistoryFile;
  readonly #openFiles: OpenFiles;
  #failure: { readonly error: unknown; readonly at: number } | undefined;

  constructor(file: HistoryFile, openFiles: OpenFiles) {
    this.#file = file;
    this.#openFiles = openFiles;
  }

  /** Whether the last one failed. */
  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  /** @throws errors of `run` or the file, or a StorageError if files are gone */
  run<Result>(now: number, run: () => Result): Result {
    return this.#recordFailure(now, () => {
      try {
        this.#file.begin();
        const result = run();
        this.#file.commit();
        this.#openFiles.check();
        return result;
      } catch (error) {
        this.#file.rollback();
        throw error;
      }
    });
  }

  /**
   * After a failure, checks whether writing works again.
   * @param isProbe whether to try now, without a pause since the failure
   * @throws the last failure, or another one
   */
  checkWritable(now: number, isProbe: boolean): void {
    if (this.#failure === undefined) {
      if (isProbe) this.#recordFailure(now, () => this.#openFiles.check());
    } else if (isProbe || Math.abs(now - this.#failure.at) >= retryAfterMs) this.run(now, () => this.#file.touch(now));
    else throw this.#failure.error;
  }

  #recordFailure<Result>(now: number, run: () => Result): Result {
    try {
      const result = run();
      this.#failure = undefined;
      return result;
    } catch (error) {
      this.#failure = { error, at: now };
      throw error;
    }
  }
}
