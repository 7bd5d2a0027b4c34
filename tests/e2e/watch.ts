import { defaultTimeoutMs } from "../waiting.ts";

/** Lets a test wait until a condition is met. */
export class Watch {
  readonly #watchers = new Set<() => void>();

  /** Call after every change: all conditions are checked again. */
  wake(): void {
    for (const wake of [...this.#watchers]) wake();
  }

  /** @throws Error with `describe()` on timeout */
  async until(isDone: () => boolean, describe: () => string, timeoutMs = defaultTimeoutMs): Promise<void> {
    const until = performance.now() + timeoutMs;
    while (!isDone()) {
      const leftMs = until - performance.now();
      if (leftMs <= 0) throw new Error(`timed out; ${describe()}`);
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#watchers.add(resolve);
      const timer = setTimeout(resolve, leftMs);
      await promise;
      clearTimeout(timer);
      this.#watchers.delete(resolve);
    }
  }
}
