type Handler<T> = (value: T) => void;

/** Event handlers by name. Handlers may be added and removed while others are being called. */
export class Emitter<Events> {
  readonly #entries = new Set<readonly [name: keyof Events, handler: Handler<never>]>();

  /** Number of handlers. */
  get size(): number {
    return this.#entries.size;
  }

  has(name: keyof Events): boolean {
    return [...this.#entries].some(([wanted]) => wanted === name);
  }

  /** @returns removes the handler; calling it again does nothing. */
  on<Name extends keyof Events>(name: Name, handler: Handler<Events[Name]>): () => void {
    // One entry per call: a function that is added twice is called twice and removed one at a time.
    const entry = [name, handler] as const;
    this.#entries.add(entry);
    return () => void this.#entries.delete(entry);
  }

  /** If a handler throws, the error becomes an unhandled rejection and the other handlers are still called. */
  emit<Name extends keyof Events>(name: Name, value: Events[Name]): void {
    for (const [wanted, handler] of [...this.#entries]) {
      try {
        if (wanted === name) handler(value as never);
      } catch (error) {
        void Promise.reject(error);
      }
    }
  }
}
