/**
 * Limits how many tasks run at the same time. The others start in the order in which they were added.
 */
export class Gate {
  #free: number;
  /** Waiting tasks, from `#first` on. */
  #waiting: (() => void)[] = [];
  #first = 0;

  /** @param slots How many tasks may run at once. */
  constructor(slots: number) {
    this.#free = slots;
  }

  /** Runs the task once there is a free slot; at once if there is one now. */
  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await task();
    } finally {
      this.#release();
    }
  }

  /** Passes the slot to the next task, or frees it. */
  #release(): void {
    const next = this.#waiting[this.#first];
    if (next === undefined) {
      this.#free++;
      return;
    }
    this.#first++;
    // Many at a time, so that removing one has constant amortized cost.
    if (this.#first * 2 >= this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#first);
      this.#first = 0;
    }
    next();
  }
}
