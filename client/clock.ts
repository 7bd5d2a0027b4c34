/** Time, passed in so that a test can control it. */
export interface Clock {
  /** Unix time in milliseconds. Advances while the machine sleeps, which is how a sleep is detected. */
  now(): number;
  setTimeout(run: () => void, ms: number): Timer;
}

/** A pending timer. Cancelling it twice, or after it ran, does nothing. */
export interface Timer {
  cancel(): void;
}

/** The machine's own clock. */
export const systemClock: Clock = {
  now: Date.now,
  setTimeout(run, ms) {
    const timer = setTimeout(run, ms);
    return { cancel: () => clearTimeout(timer) };
  },
};
