import { patienceMs } from "../waiting.ts";

/** Lets a test wait until something that changes from outside is as it wants it. */
export class Watch {
  readonly #watchers = new Set<() => void>();

  /** Something changed: whoever waits looks again. */
  wake(): void {
    for (const wake of [...this.#watchers]) wake();
  }

  /** @throws Error with `describe()` where it does not become so in time */
  async until(isDone: () => boolean, describe: () => string, timeoutMs = patienceMs): Promise<void> {
    const until = performance.now() + timeoutMs;
    while (!isDone()) {
      const leftMs = until - performance.now();
      if (leftMs <= 0) throw new Error(`it did not come in time; ${describe()}`);
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#watchers.add(resolve);
      const timer = setTimeout(resolve, leftMs);
      await promise;
      clearTimeout(timer);
      this.#watchers.delete(resolve);
    }
  }
}
