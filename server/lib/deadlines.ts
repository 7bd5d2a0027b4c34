import { type Clock, systemClock, type Timer } from "./clock.ts";

interface Waiting {
  readonly dueAt: number;
  readonly onLate: () => void;
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
  /** In the order of their deadlines. */
  readonly #waiting = new Set<Waiting>();
  #timer: Timer | undefined;

  /** @param ms how long each wait may take */
  constructor(ms: number, clock: Clock = systemClock) {
    this.#ms = ms;
    this.#clock = clock;
  }

  /** The outcome of `work`, or a rejection with `makeError()` if it takes too long. The work itself continues. */
  limit<T>(work: Promise<T>, makeError: () => Error): Promise<T> {
    return new Promise((resolve, reject) => {
      const waiting = { dueAt: this.#clock.monotonic() + this.#ms, onLate: () => reject(makeError()) };
      this.#waiting.add(waiting);
      if (this.#timer === undefined) this.#arm(this.#ms);
      work.then(
        (value) => {
          this.#waiting.delete(waiting);
          resolve(value);
        },
        (error: unknown) => {
          this.#waiting.delete(waiting);
          reject(error);
        },
      );
    });
  }

  #arm(ms: number): void {
    this.#timer = this.#clock.setTimeout(this.#check, ms);
  }

  readonly #check = (): void => {
    this.#timer = undefined;
    const now = this.#clock.monotonic();
    for (const waiting of this.#waiting) {
      if (waiting.dueAt > now) {
        this.#arm(waiting.dueAt - now);
        return;
      }
      this.#waiting.delete(waiting);
      waiting.onLate();
    }
  };
}
