import { type Clock, systemClock, type Timer } from "./clock.ts";

/** Something that waits, in the list of all that do. */
interface Waiting {
  readonly dueAt: number;
  readonly makeLateError: () => Error;
  readonly outcome: { reject(error: unknown): void };
  isLate: boolean;
  older: Waiting | undefined;
  newer: Waiting | undefined;
}

interface WaitingFor<U> extends Waiting {
  readonly outcome: PromiseWithResolvers<U>;
}

/** How the outcome of some work is used, for all work of a kind. */
export interface Uses<T, U, Context> {
  /** Not called if the work was late. */
  readonly use: (value: T, context: Context) => U | Promise<U>;
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
   * Resolves with the result of `uses` for the outcome of `work`, or rejects with a late error if it takes too long. The
   * work itself continues. Hot path: once per request with a body, so `uses` is made once, and there is no closure and no
   * other promise between the work and its use.
   */
  limit<T, U, Context>(work: Promise<T>, uses: Uses<T, U, Context>, context: Context): Promise<U> {
    const waiting = this.#add(uses.makeLateError, Promise.withResolvers<U>());
    void this.#settle(work, waiting, uses, context);
    return waiting.outcome.promise;
  }

  async #settle<T, U, Context>(
    work: Promise<T>,
    waiting: WaitingFor<U>,
    { use, errorOf }: Uses<T, U, Context>,
    context: Context,
  ): Promise<void> {
    const { outcome } = waiting;
    let value: T;
    try {
      value = await work;
    } catch (error) {
      this.#remove(waiting);
      outcome.reject(errorOf(error));
      return;
    }
    this.#remove(waiting);
    if (waiting.isLate) return;
    try {
      outcome.resolve(use(value, context));
    } catch (error) {
      outcome.reject(error);
    }
  }

  #add<U>(makeLateError: () => Error, outcome: PromiseWithResolvers<U>): WaitingFor<U> {
    const older = this.#newest;
    const dueAt = this.#clock.monotonic() + this.#ms;
    const waiting: WaitingFor<U> = { dueAt, makeLateError, outcome, isLate: false, older, newer: undefined };
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
      waiting.isLate = true;
      waiting.outcome.reject(waiting.makeLateError());
    }
  };
}
