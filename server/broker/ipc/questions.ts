import { type Answer, toServiceError } from "./messages.ts";

/** Takes one answer; false when more of it follows. @throws what the asker shall hear instead. */
type Take = (answer: Answer) => boolean;

interface Asked {
  readonly take: Take;
  readonly reject: (error: unknown) => void;
}

/**
 * Questions on their way, by number, until each is answered.
 *
 * Invariant: every question is settled once: by its last answer, by a refusal, or because the way broke.
 */
export class Questions {
  readonly #asked = new Map<number, Asked>();
  #last = 0;
  #idle: (() => void)[] = [];

  /**
   * @param send Puts the question, with its number, on its way.
   * @param read Makes the result of an answer; undefined when more of it follows.
   */
  ask<T>(send: (n: number) => void, read: (answer: Answer) => T | undefined): Promise<T> {
    const n = ++this.#last;
    return new Promise<T>((resolve, reject) => {
      const take: Take = (answer) => {
        const result = read(answer);
        if (result !== undefined) resolve(result);
        return result !== undefined;
      };
      this.#asked.set(n, { take, reject });
      send(n);
    });
  }

  /** An answer to a question that is not on its way any more is left alone. */
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

  /** None of them will be answered. */
  fail(makeError: () => Error): void {
    const all = Array.from(this.#asked.values());
    this.#asked.clear();
    for (const { reject } of all) reject(makeError());
    this.#checkIdle();
  }

  /** Resolves once nothing is on its way. */
  idle(): Promise<void> {
    if (this.#asked.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #checkIdle(): void {
    if (this.#asked.size > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
