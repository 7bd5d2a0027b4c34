type Handler<T> = (value: T) => void;

/** Event handlers by name. Handlers may be added and removed while others are being called. */
export interface Emitter<Events> {
  /** Whether there is a handler. @param name of any event if absent */
  has(name?: keyof Events): boolean;
  /** @returns removes the handler; calling it again does nothing. */
  on<Name extends keyof Events>(name: Name, handler: Handler<Events[Name]>): () => void;
  /** If a handler throws, the error becomes an unhandled rejection and the other handlers are still called. */
  emit<Name extends keyof Events>(name: Name, value: Events[Name]): void;
}

export function makeEmitter<Events>(): Emitter<Events> {
  const entries = new Set<readonly [name: keyof Events, handler: Handler<never>]>();
  return {
    has: (name) => [...entries].some(([wanted]) => !name || wanted === name),
    on(name, handler) {
      // One entry per call: a function that is added twice is called twice and removed one at a time.
      const entry = [name, handler] as const;
      entries.add(entry);
      return () => void entries.delete(entry);
    },
    emit(name, value) {
      for (const [wanted, handler] of [...entries]) {
        // Runs at once, and what it throws rejects the promise.
        if (wanted === name) void new Promise(() => handler(value as never));
      }
    },
  };
}
