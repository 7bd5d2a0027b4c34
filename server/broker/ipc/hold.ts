import type { Clock, Timer } from "../../lib/clock.ts";

/** Keeps requests back for a while. Each waits until the hold is released, which happens at the latest when its time is over. */
export class Hold {
  readonly #clock: Clock;
  readonly #onRelease: () => void;
  #held: PromiseWithResolvers<void> | undefined;
  #timer: Timer | undefined;

  constructor(clock: Clock, onRelease: () => void) {
    this.#clock = clock;
    this.#onRelease = onRelease;
  }

  get isOn(): boolean {
    return this.#held !== undefined;
  }

  start(ms: number): void {
    this.#held ??= Promise.withResolvers<void>();
    this.#timer?.cancel();
    this.#timer = this.#clock.setTimeout(() => this.release(), ms);
  }

  /** Idempotent. */
  release(): void {
    const held = this.#held;
    this.#held = undefined;
    this.#timer?.cancel();
    if (held === undefined) return;
    held.resolve();
    this.#onRelease();
  }

  /** Runs a request now, or in the order of the calls once the hold is released. */
  run<T>(request: () => Promise<T>): Promise<T> {
    return this.#held === undefined ? request() : this.#held.promise.then(request);
  }
}
