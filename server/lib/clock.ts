/** A pending timer. Cancelling it twice, or after it ran, does nothing. */
export interface Timer {
  cancel(): void;
}

/**
 * Time, passed in wherever a test must be able to control it.
 *
 * Combines two clocks: `now` is the wall clock, which an administrator may set back (for timestamps and ages);
 * `monotonic` never goes back (for durations). Timers do not keep the process alive; open sockets do.
 */
export interface Clock {
  /** Unix time in milliseconds. */
  now(): number;
  /** Milliseconds since a fixed point, with fractions. */
  monotonic(): number;
  /** @throws RangeError for more than `maxTimerMs`, after which the runtime would fire at once instead of waiting */
  setTimeout(run: () => void, ms: number): Timer;
  /** Runs after the I/O of this turn of the event loop. Cannot be cancelled: once per push, an object for that costs a tenth of a µs. */
  setImmediate(run: () => void): void;
  sleep(ms: number): Promise<void>;
}

/** The time of both clocks, read once for things that happen together. */
export interface Moment {
  /** As `Clock.now`. */
  readonly now: number;
  /** As `Clock.monotonic`. */
  readonly monotonic: number;
}

export function momentOf(clock: Pick<Clock, "now" | "monotonic">): Moment {
  return { now: clock.now(), monotonic: clock.monotonic() };
}

/** The longest delay of a timer: 24.8 days. */
export const maxTimerMs = 2 ** 31 - 1;

/** Called by every clock, so that tests catch delays that the real clock would refuse. @throws RangeError */
export function checkTimer(ms: number): void {
  if (!(ms <= maxTimerMs)) throw new RangeError(`expected a delay of at most ${maxTimerMs} ms, got ${ms}`);
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
    setImmediate(run);
  },
  sleep: (ms) =>
    new Promise((resolve) => {
      checkTimer(ms);
      setTimeout(resolve, ms);
    }),
};
