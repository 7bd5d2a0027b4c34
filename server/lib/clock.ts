/** A timer that was set and can be taken back. Cancelling twice, or after it ran, does nothing. */
export interface Timer {
  cancel(): void;
}

/**
 * Time, handed in wherever a test must be able to move it.
 *
 * Two clocks in one: `now` is the wall clock (may be set back by an administrator; for stamps and ages),
 * `monotonic` never goes back (for durations). Timers never keep the process alive by themselves: what
 * should keep it alive is a socket.
 */
export interface Clock {
  /** Unix time in milliseconds. */
  now(): number;
  /** Milliseconds since some fixed moment, with fractions. */
  monotonic(): number;
  /** @throws RangeError for more than `maxTimerMs`: the runtime would fire at once instead of waiting */
  setTimeout(run: () => void, ms: number): Timer;
  /** Runs after the input and output of this turn of the event loop. */
  setImmediate(run: () => void): Timer;
  sleep(ms: number): Promise<void>;
}

/** The longest that a timer can wait: 24.8 days. */
export const maxTimerMs = 2 ** 31 - 1;

/** Every clock calls it, so that a test finds what the machine's own clock would refuse. @throws RangeError */
export function checkTimer(ms: number): void {
  if (!(ms <= maxTimerMs)) throw new RangeError(`a timer can wait ${maxTimerMs} ms at most, not ${ms}`);
}

/** The machine's own clock. */
export const systemClock: Clock = {
  now: Date.now,
  monotonic: () => performance.now(),
  setTimeout(run, ms) {
    checkTimer(ms);
    const timer = setTimeout(run, ms);
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
  setImmediate(run) {
    const timer = setImmediate(run);
    return { cancel: () => clearImmediate(timer) };
  },
  sleep: (ms) =>
    new Promise((resolve) => {
      checkTimer(ms);
      setTimeout(resolve, ms);
    }),
};
