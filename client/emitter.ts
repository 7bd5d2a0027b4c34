type Handler<T> = (value: T) => void;

/** Handlers by the name of what they wait for. A handler may be added, and taken away, while others are called. */
export class Emitter<Events> {
  readonly #entries = new Set<readonly [name: keyof Events, handler: Handler<never>]>();

  /** How many handlers there are in all. */
  get size(): number {
    return this.#entries.size;
  }

  /** @returns takes the handler away again; more than once does nothing. */
  on<Name extends keyof Events>(name: Name, handler: Handler<Events[Name]>): () => void {
    // One entry per call: the same function given twice is called twice, and taken away one by one.
    const entry = [name, handler] as const;
    this.#entries.add(entry);
    return () => void this.#entries.delete(entry);
  }

  /** What a handler throws is its program's affair: it ends up as an unhandled rejection, and the others are called all the same. */
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
