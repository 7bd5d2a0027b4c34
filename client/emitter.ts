type Handler<T> = (value: T) => void;

/** Handlers by the name of what they wait for. A handler may be added, and taken away, while others are called. */
export class Emitter<Events> {
  /** How many handlers there are in all. */
  size = 0;
  readonly #handlers: { [Name in keyof Events]?: Set<Handler<Events[Name]>> } = {};

  /** @returns takes the handler away again; more than once does nothing. */
  on<Name extends keyof Events>(name: Name, handler: Handler<Events[Name]>): () => void {
    const handlers = this.#handlers[name] ?? new Set();
    this.#handlers[name] = handlers;
    // One entry per call: the same function given twice is called twice, and taken away one by one.
    const entry: Handler<Events[Name]> = (value) => handler(value);
    handlers.add(entry);
    this.size++;
    return () => {
      if (handlers.delete(entry)) this.size--;
    };
  }

  /** What a handler throws is its program's affair: it ends up as an unhandled rejection, and the others are called all the same. */
  emit<Name extends keyof Events>(name: Name, value: Events[Name]): void {
    for (const handler of [...(this.#handlers[name] ?? [])]) {
      try {
        handler(value);
      } catch (error) {
        void Promise.reject(error);
      }
    }
  }
}
