import { getLogger } from "@logtape/logtape";
import type { Clock, Timer } from "../lib/clock.ts";

/**
 * Runs a task at every full multiple of an interval since 1970. Each due time is computed from the clock, so late timers do
 * not add up. `run` receives the number of the slot, which is the same in every process.
 */
export class Periodic {
  readonly #intervalMs: number;
  readonly #clock: Clock;
  readonly #run: (slot: number) => Promise<unknown>;
  #timer: Timer | undefined;
  #lastSlot: number;

  /** @param intervalMs 0 to never run */
  constructor(intervalMs: number, clock: Clock, run: (slot: number) => Promise<unknown>) {
    this.#intervalMs = intervalMs;
    this.#clock = clock;
    this.#run = run;
    this.#lastSlot = this.#slot();
  }

  start(): void {
    if (this.#intervalMs > 0 && this.#timer === undefined) this.#wait();
  }

  /** Idempotent. */
  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #slot(): number {
    return Math.floor(this.#clock.now() / this.#intervalMs);
  }

  #wait(): void {
    const dueAt = (this.#slot() + 1) * this.#intervalMs;
    this.#timer = this.#clock.setTimeout(() => this.#due(), dueAt - this.#clock.now());
  }

  #due(): void {
    const slot = this.#slot();
    this.#wait();
    // A timer that fires slightly early sees the previous slot; a clock that was set back sees one that already ran.
    if (slot <= this.#lastSlot && this.#lastSlot - slot < 2) return;
    this.#lastSlot = slot;
    this.#run(slot).catch((error: unknown) => {
      getLogger(["fanfare", "schedule"]).warning("The periodic message was not sent: {error}", { error });
    });
  }
}
