import { type Answer, toServiceError } from "./messages.ts";

/** A request in flight. */
export interface Asked {
  /** Handles one answer; false if more parts follow. @throws the error to reject the request with */
  take(answer: Answer): boolean;
  reject(error: unknown): void;
}

/**
 * Requests in flight, by number, until each is answered.
 *
 * Invariant: every request settles once: by its last answer, by an error, or because the link broke.
 */
export class Questions {
  readonly #asked = new Map<number, Asked>();
  #last = 0;
  #idle: (() => void)[] = [];

  /**
   * @param send Sends the question with its number.
   * @param read Makes the result from an answer. Returns undefined if more parts follow.
   */
  ask<T>(send: (n: number) => void, read: (answer: Answer) => T | undefined): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const take = (answer: Answer) => {
        const result = read(answer);
        if (result !== undefined) resolve(result);
        return result !== undefined;
      };
      send(this.add({ take, reject }));
    });
  }

  /** @returns the number of the request */
  add(asked: Asked): number {
    const n = ++this.#last;
    this.#asked.set(n, asked);
    return n;
  }

  /** Handles an answer. Ignores answers to requests that are no longer in flight. */
  take(answer: Answer): void {
    const asked = this.#asked.get(answer.n);
    if (asked === undefined) return;
    try {
      if (answer.verb === "refused") throw toServiceError(answer);
      if (!asked.take(answer)) return;
    } catch (error) {
      asked.reject(error);
    }
    this.#asked.delete(answer.n);
    this.#checkIdle();
  }

  /** Rejects all requests. */
  fail(makeError: () => Error): void {
    const all = Array.from(this.#asked.values());
    this.#asked.clear();
    for (const { reject } of all) reject(makeError());
    this.#checkIdle();
  }

  /** Resolves once no request is in flight. */
  idle(): Promise<void> {
    if (this.#asked.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #checkIdle(): void {
    if (this.#asked.size > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
