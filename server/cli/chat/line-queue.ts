/** Lines that came and were not asked for yet, or the question that waits for the next. */
export class LineQueue {
  readonly #lines: string[] = [];
  #wake: (() => void) | undefined;
  #isOver = false;
  readonly #cut = Promise.withResolvers<void>();

  /** Resolves when the lines were cut short. */
  get isCut(): Promise<void> {
    return this.#cut.promise;
  }

  push(line: string): void {
    this.#lines.push(line);
    this.#wake?.();
  }

  /** No more will come. */
  end(): void {
    this.#isOver = true;
    this.#wake?.();
  }

  /** No more will come, and what is there is dropped. */
  cut(): void {
    this.#lines.length = 0;
    this.#cut.resolve();
    this.end();
  }

  /** The next line; undefined behind the last one. One question at a time. */
  async next(): Promise<string | undefined> {
    while (this.#lines.length === 0 && !this.#isOver) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#lines.shift();
  }
}
