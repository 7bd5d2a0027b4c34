import { alignedDelay } from "../../lib/aligned-delay.ts";
import type { Clock, Timer } from "../../lib/clock.ts";

/** From one pass over all channels to the next, if a pass is short. */
const pauseMs = 2000;
/** Pause between two slices of one pass, for other work. */
const slicePauseMs = 10;

/** Sweeps all channels repeatedly, one slice at a time, until it is closed. */
export class Sweeper {
  readonly #clock: Clock;
  readonly #slice: () => boolean | Promise<boolean>;
  #timer: Timer | undefined;
  #isClosed = false;

  /** @param slice Sweeps one slice and returns whether the pass is complete. Must not throw. */
  constructor(clock: Clock, slice: () => boolean | Promise<boolean>) {
    this.#clock = clock;
    this.#slice = slice;
    this.#wait(alignedDelay(clock, pauseMs));
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  #wait(ms: number): void {
    if (!this.#isClosed) this.#timer = this.#clock.setTimeout(() => void this.#run(), ms);
  }

  async #run(): Promise<void> {
    this.#wait((await this.#slice()) ? alignedDelay(this.#clock, pauseMs) : slicePauseMs);
  }
}
