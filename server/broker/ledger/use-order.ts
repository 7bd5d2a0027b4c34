/** What stands in an order of use; the links belong to the order it stands in. */
export interface Used<T> {
  /** Milliseconds since 1970. */
  usedAt: number;
  older: T | undefined;
  newer: T | undefined;
}

/**
 * Things in the order in which they were last used, linked to each other, so that each call costs the same with a million
 * of them. (A Set that is deleted from and added to walks over its own holes when it is asked for its oldest.)
 *
 * A thing stands in one order at most; whoever moves it from one to another removes it from the first.
 */
export class UseOrder<T extends Used<T>> {
  #oldest: T | undefined;
  #newest: T | undefined;

  get oldest(): T | undefined {
    return this.#oldest;
  }

  /** Puts it in as the newest. */
  add(it: T, now: number): void {
    it.usedAt = now;
    it.older = this.#newest;
    if (this.#newest === undefined) this.#oldest = it;
    else this.#newest.newer = it;
    this.#newest = it;
  }

  /** It stands in here already and is the newest now. */
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
