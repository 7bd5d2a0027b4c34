import type { Clock, Timer } from "../../lib/clock.ts";

/** Between two walks over all channels. */
const pauseMs = 2000;
/** Between two slices of one walk: room for everything else. */
const breathMs = 10;

/** Walks over all channels again and again, one slice at a time, for as long as it is not closed. */
export class Sweeper {
  readonly #clock: Clock;
  readonly #slice: () => boolean | Promise<boolean>;
  #timer: Timer | undefined;
  #isClosed = false;

  /** @param slice One slice of the walk; says whether the walk is at its end. Must not throw. */
  constructor(clock: Clock, slice: () => boolean | Promise<boolean>) {
    this.#clock = clock;
    this.#slice = slice;
    this.#wait(pauseMs);
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  #wait(ms: number): void {
    if (!this.#isClosed) this.#timer = this.#clock.setTimeout(() => void this.#run(), ms);
  }

  async #run(): Promise<void> {
    this.#wait((await this.#slice()) ? pauseMs : breathMs);
  }
}
