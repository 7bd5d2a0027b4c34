import type { PresenceChange } from "./presence-store.ts";

/** One call of the store stores at most this many changes, so that none keeps it busy for long. */
const mostAtOnce = 200;

/**
 * The changes of one channel that are not stored yet. One call is in flight at a time, and changes that arrive meanwhile go
 * into the next one: a storm of joins becomes a few calls.
 *
 * Invariant: there is one change per connection, the last one. A change contains the full state of its connection, so
 * earlier changes need not be stored. A connection that has left before the store was told of it has none, so the queue is
 * bounded by the number of connections, however many come and go while the store cannot be reached.
 */
export class ChangeQueue {
  readonly #store: (changes: readonly PresenceChange[]) => Promise<void>;
  readonly #waiting = new Map<string, PresenceChange>();
  /** Connections that have a change here, and of which the store was never told. */
  readonly #untold = new Set<string>();
  #flushing: Promise<void> | undefined;

  constructor(store: (changes: readonly PresenceChange[]) => Promise<void>) {
    this.#store = store;
  }

  get isEmpty(): boolean {
    return this.#waiting.size === 0 && this.#flushing === undefined;
  }

  /** @param isNew whether the connection was not in the channel before */
  add(change: PresenceChange, isNew = false): void {
    const { kind, holder } = change;
    if (isNew && !this.#waiting.has(holder)) this.#untold.add(holder);
    this.#waiting.delete(holder); // the last change is the last in order too
    if (kind === "leave" && this.#untold.delete(holder)) return;
    this.#waiting.set(holder, change);
  }

  addIfNew(change: PresenceChange): void {
    if (!this.#waiting.has(change.holder)) this.#waiting.set(change.holder, change);
  }

  /** Stores the waiting changes. If it rejects, the rest waits for the next flush. */
  flush(): Promise<void> {
    if (this.#flushing === undefined && this.#waiting.size > 0) this.#flushing = this.#run();
    return this.#flushing ?? Promise.resolve();
  }

  async #run(): Promise<void> {
    await undefined; // changes of this turn go together
    try {
      while (this.#waiting.size > 0) await this.#storeSome();
    } finally {
      this.#flushing = undefined; // in the same turn as the last check; a change in between would wait for the next flush
    }
  }

  async #storeSome(): Promise<void> {
    const some = Array.from(this.#waiting.values()).slice(0, mostAtOnce);
    for (const { holder } of some) {
      this.#waiting.delete(holder);
      this.#untold.delete(holder);
    }
    try {
      await this.#store(some);
    } catch (error) {
      const newer = Array.from(this.#waiting);
      this.#waiting.clear();
      for (const change of some) {
        this.#waiting.set(change.holder, change);
        this.#untold.delete(change.holder); // it may be stored, although there was no answer
      }
      for (const [holder, change] of newer) this.#waiting.set(holder, change);
      throw error;
    }
  }
}
