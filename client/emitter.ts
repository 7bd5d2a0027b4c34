type Handler<T> = (value: T) => void;

/** Event handlers by name. Handlers may be added and removed while others are being called. */
export interface Emitter<Events> {
  /** Number of handlers. */
  readonly size: number;
  has(name: keyof Events): boolean;
  /** @returns removes the handler; calling it again does nothing. */
  on<Name extends keyof Events>(name: Name, handler: Handler<Events[Name]>): () => void;
  /** If a handler throws, the error becomes an unhandled rejection and the other handlers are still called. */
  emit<Name extends keyof Events>(name: Name, value: Events[Name]): void;
}

export function makeEmitter<Events>(): Emitter<Events> {
  const entries = new Set<readonly [name: keyof Events, handler: Handler<never>]>();
  return {
    get size() {
      return entries.size;
    },
    has: (name) => [...entries].some(([wanted]) => wanted === name),
    on(name, handler) {
      // One entry per call: a function that is added twice is called twice and removed one at a time.
      const entry = [name, handler] as const;
      entries.add(entry);
      return () => void entries.delete(entry);
    },
    emit(name, value) {
      for (const [wanted, handler] of [...entries]) {
        try {
          if (wanted === name) handler(value as never);
        } catch (error) {
          void Promise.reject(error);
        }
      }
    },
  };
}
