import { type Clock, systemClock, type Timer } from "./clock.ts";

/** Something that waits, in the list of all that do. */
interface Waiting {
  readonly dueAt: number;
  readonly makeError: () => Error;
  readonly reject: (error: unknown) => void;
  older: Waiting | undefined;
  newer: Waiting | undefined;
}

/** What becomes of the outcome of some work. */
export interface Reading<T, U> {
  /** What it throws is an error of the work. */
  readonly read: (value: T) => U;
  readonly errorOf: (error: unknown) => unknown;
  readonly makeLateError: () => Error;
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

  /**
   * The outcome of `work` as `reading` sees it, or a rejection with its late error if it takes too long. The work itself
   * continues. Hot path: once per request with a body, so `reading` is made once, and nothing here is a closure.
   */
  limit<T, U>(work: Promise<T>, reading: Reading<T, U>): Promise<U> {
    const { promise, resolve, reject } = Promise.withResolvers<U>();
    const waiting = this.#add(reading.makeLateError, reject);
    void this.#settle(work, reading, waiting, resolve);
    return promise;
  }

  async #settle<T, U>(
    work: Promise<T>,
    { read, errorOf }: Reading<T, U>,
    waiting: Waiting,
    resolve: (value: U) => void,
  ): Promise<void> {
    try {
      resolve(read(await work));
    } catch (error) {
      waiting.reject(errorOf(error));
    }
    this.#remove(waiting);
  }

  #add(makeError: () => Error, reject: (error: unknown) => void): Waiting {
    const older = this.#newest;
    const dueAt = this.#clock.monotonic() + this.#ms;
    const waiting: Waiting = { dueAt, makeError, reject, older, newer: undefined };
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
      waiting.reject(waiting.makeError());
    }
  };
}
