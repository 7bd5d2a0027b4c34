import type { HeldFiles } from "./held-files.ts";
import type { HistoryFile } from "./history-file.ts";

/** After a failure nothing is tried for so long unless it is asked for, because a try costs a lot. */
const restMs = 1000;

/** The transactions of a file: each is on the disk, in files that are at their places, or it is taken back. */
export class Transactions {
  readonly #file: HistoryFile;
  readonly #held: HeldFiles;
  #failure: { readonly error: unknown; readonly at: number } | undefined;

  constructor(file: HistoryFile, held: HeldFiles) {
    this.#file = file;
    this.#held = held;
  }

  /** Whether the last one failed. */
  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  /** @throws what `run` throws, the file, or a StorageError about files that are gone */
  run<Result>(now: number, run: () => Result): Result {
    return this.#noting(now, () => {
      try {
        this.#file.begin();
        const result = run();
        this.#file.commit();
        this.#held.check();
        return result;
      } catch (error) {
        this.#file.rollback();
        throw error;
      }
    });
  }

  /**
   * Makes sure, after a failure, that writing works again.
   * @param isProbe somebody wants to know it now
   * @throws the last failure, or another one
   */
  ready(now: number, isProbe: boolean): void {
    if (this.#failure === undefined) {
      if (isProbe) this.#noting(now, () => this.#held.check());
    } else if (isProbe || Math.abs(now - this.#failure.at) >= restMs) this.run(now, () => this.#file.touch(now));
    else throw this.#failure.error;
  }

  #noting<Result>(now: number, run: () => Result): Result {
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
