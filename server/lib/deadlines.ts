import { type Clock, systemClock, type Timer } from "./clock.ts";

/** Something that waits, in the list of all that do. */
interface Waiting {
  readonly dueAt: number;
  readonly onLate: () => void;
  older: Waiting | undefined;
  newer: Waiting | undefined;
}

/**
 * One deadline for many waits of the same length. They end in the order in which they began, so one timer serves them all: a
 * timer for each wait costs more than what is usually waited for.
 *
 * A timer runs while something waits, and fires at most once per length.
 */
export class Deadlines {
  readonly #ms: number;
  readonly #clock: Clock;
  // A list in the order of the deadlines, so that adding and removing hashes nothing.
  #oldest: Waiting | undefined;
  #newest: Waiting | undefined;
  #timer: Timer | undefined;

  /** @param ms how long each wait may take */
  constructor(ms: number, clock: Clock = systemClock) {
    this.#ms = ms;
    this.#clock = clock;
  }

  /** The outcome of `work`, or a rejection with `makeError()` if it takes too long. The work itself continues. */
  limit<T>(work: Promise<T>, makeError: () => Error): Promise<T> {
    return new Promise((resolve, reject) => {
      const waiting = this.#add(() => reject(makeError()));
      work.then(
        (value) => {
          this.#remove(waiting);
          resolve(value);
        },
        (error: unknown) => {
          this.#remove(waiting);
          reject(error);
        },
      );
    });
  }

  #add(onLate: () => void): Waiting {
    const older = this.#newest;
    const waiting: Waiting = { dueAt: this.#clock.monotonic() + this.#ms, onLate, older, newer: undefined };
    if (older === undefined) this.#oldest = waiting;
    else older.newer = waiting;
    this.#newest = waiting;
    if (this.#timer === undefined) this.#arm(this.#ms);
    return waiting;
  }

  /** Removing it a second time does nothing. */
  #remove(waiting: Waiting): void {
    const { older, newer } = waiting;
    if (older !== undefined) older.newer = newer;
    else if (this.#oldest === waiting) this.#oldest = newer;
    if (newer !== undefined) newer.older = older;
    else if (this.#newest === waiting) this.#newest = older;
    waiting.older = undefined;
    waiting.newer = undefined;
  }

  #arm(ms: number): void {
    this.#timer = this.#clock.setTimeout(this.#check, ms);
  }

  readonly #check = (): void => {
    this.#timer = undefined;
    const now = this.#clock.monotonic();
    for (let waiting = this.#oldest; waiting !== undefined; waiting = this.#oldest) {
      if (waiting.dueAt > now) {
        this.#arm(waiting.dueAt - now);
        return;
      }
      this.#remove(waiting);
      waiting.onLate();
    }
  };
}
