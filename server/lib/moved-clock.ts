import { type Clock, checkTimer, type Timer } from "./clock.ts";

/** A clock for tests: time advances only when moved, and timers run in the order in which they are due. */
export class MovedClock implements Clock {
  #now: number;
  #setBy = 0;
  #order = 0;
  readonly #timers = new Set<{ at: number; order: number; run: () => void }>();

  /** @param start Unix time in milliseconds */
  constructor(start = Date.UTC(2026, 0, 1)) {
    this.#now = start;
  }

  now(): number {
    return this.#now + this.#setBy;
  }

  /** Number of timers that have not run. */
  get pending(): number {
    return this.#timers.size;
  }

  monotonic(): number {
    return this.#now;
  }

  /** Sets the wall clock forward or back without time passing, as an administrator might. */
  set(ms: number): void {
    this.#setBy += ms;
  }

  setTimeout(run: () => void, ms: number): Timer {
    checkTimer(ms);
    const entry = { at: this.#now + Math.max(0, ms), order: this.#order++, run };
    this.#timers.add(entry);
    return { cancel: () => void this.#timers.delete(entry) };
  }

  setImmediate(run: () => void): void {
    this.setTimeout(run, 0);
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.setTimeout(resolve, ms);
    });
  }

  /** Advances time and runs due timers, including those set on the way. */
  move(ms: number): void {
    const until = this.#now + ms;
    for (let next = this.#next(until); next !== undefined; next = this.#next(until)) {
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.run();
    }
    this.#now = until;
  }

  /** Like `move`, but in steps with a turn of the real event loop after each, so that promises settle. */
  async moveInSteps(ms: number, stepMs: number): Promise<void> {
    for (let moved = 0; moved < ms; moved += stepMs) {
      this.move(Math.min(stepMs, ms - moved));
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #next(until: number) {
    let found: { at: number; order: number; run: () => void } | undefined;
    for (const entry of this.#timers) {
      if (entry.at > until) continue;
      if (found === undefined || entry.at < found.at || (entry.at === found.at && entry.order < found.order))
        found = entry;
    }
    return found;
  }
}
