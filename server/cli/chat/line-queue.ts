/** Typed lines that were not read yet. `next()` waits for a line if there is none. */
export class LineQueue {
  readonly #lines: string[] = [];
  #wake: (() => void) | undefined;
  #isOver = false;
  readonly #cut = Promise.withResolvers<void>();

  /** Resolves when `cut` is called. */
  get isCut(): Promise<void> {
    return this.#cut.promise;
  }

  push(line: string): void {
    this.#lines.push(line);
    this.#wake?.();
  }

  /** Ends the queue: lines already in it can still be read. */
  end(): void {
    this.#isOver = true;
    this.#wake?.();
  }

  /** Ends the queue and drops the lines in it. */
  cut(): void {
    this.#lines.length = 0;
    this.#cut.resolve();
    this.end();
  }

  /** The next line; undefined after the last one. Only one call may be waiting at a time. */
  async next(): Promise<string | undefined> {
    while (this.#lines.length === 0 && !this.#isOver) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#lines.shift();
  }
}
