/** Time, handed in so that a test can move it. */
export interface Clock {
  /** Unix time in milliseconds. It passes while a machine sleeps, which is how a sleep is noticed. */
  now(): number;
  setTimeout(run: () => void, ms: number): Timer;
}

/** A timer that was set. Cancelling twice, or after it ran, does nothing. */
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
