/** An element of an order of use. Its links belong to that order. */
export interface Used<T> {
  /** Milliseconds since 1970. */
  usedAt: number;
  older: T | undefined;
  newer: T | undefined;
}

/**
 * Elements in the order of their last use, as a linked list: each call takes constant time, even with a million elements. (In
 * a Set, finding the oldest element skips over all deleted ones.)
 *
 * An element is in one order at most. To move it to another, remove it from the first.
 */
export class UseOrder<T extends Used<T>> {
  #oldest: T | undefined;
  #newest: T | undefined;

  get oldest(): T | undefined {
    return this.#oldest;
  }

  /** Adds an element as the newest. */
  add(it: T, now: number): void {
    it.usedAt = now;
    it.older = this.#newest;
    if (this.#newest === undefined) this.#oldest = it;
    else this.#newest.newer = it;
    this.#newest = it;
  }

  /** Makes an element of this order the newest. */
  touch(it: T, now: number): void {
    it.usedAt = now;
    if (it === this.#newest) return;
    this.remove(it);
    this.add(it, now);
  }

  remove(it: T): void {
    if (it.older === undefined) this.#oldest = it.newer;
    else it.older.newer = it.newer;
    if (it.newer === undefined) this.#newest = it.older;
    else it.newer.older = it.older;
    it.older = undefined;
    it.newer = undefined;
  }
}
