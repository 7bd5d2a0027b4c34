/**
 * Lets a limited number of tasks run at the same time; the others start in the order in which they came.
 */
export class Gate {
  #free: number;
  /** Those that wait, from `#first` on. */
  #waiting: (() => void)[] = [];
  #first = 0;

  /** @param places How many may run at once. */
  constructor(places: number) {
    this.#free = places;
  }

  /** Starts the task when there is a place for it, at once where there is one now. */
  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await task();
    } finally {
      this.#leave();
    }
  }

  /** The place goes to the next one, without being free in between. */
  #leave(): void {
    const next = this.#waiting[this.#first];
    if (next === undefined) {
      this.#free++;
      return;
    }
    this.#first++;
    // In strides, so that each departure costs the same however many wait.
    if (this.#first * 2 >= this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#first);
      this.#first = 0;
    }
    next();
  }
}
