/** Time, passed in so that a test can control it. */
export interface Clock {
  /** Unix time in milliseconds. It may be set forward and back. */
  now(): number;
  /** Milliseconds since some fixed time. Never goes back, and includes the time during which the machine slept. */
  monotonic(): number;
  setTimeout(run: () => void, ms: number): Timer;
}

/** A pending timer. Cancelling it twice, or after it ran, does nothing. */
export interface Timer {
  cancel(): void;
}

/** If the wall clock gains more than this on the steady one, the machine slept (or the clock was set). Milliseconds. */
const leapMs = 1000;

/** The machine's own clock. @param steady never goes back, but stops while some machines sleep */
export function makeSystemClock(wall = Date.now, steady = () => performance.now()): Clock {
  let lead = wall() - steady();
  let sleptMs = 0;
  return {
    now: wall,
    monotonic() {
      const time = steady();
      const leap = wall() - time - lead;
      lead += leap;
      if (leap > leapMs) sleptMs += leap;
      return time + sleptMs;
    },
    setTimeout(run, ms) {
      const timer = setTimeout(run, ms);
      return { cancel: () => clearTimeout(timer) };
    },
  };
}
