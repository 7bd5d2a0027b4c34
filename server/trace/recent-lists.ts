import { OldestFirst } from "../lib/oldest-first.ts";

/** Limits of a `RecentLists`. */
export interface RecentListLimits<T> {
  /** Items per key; the oldest are evicted. */
  readonly perKey: number;
  /** Bytes of all items together, by `bytesOf`. */
  readonly totalBytes: number;
  bytesOf(item: T): number;
}

/**
 * The last items of each key, in bounded memory. If there are too many bytes in all, the keys that got nothing for longest are
 * evicted, so that one busy key cannot evict the others' items faster than its own.
 */
export class RecentLists<T> {
  readonly #limits: RecentListLimits<T>;
  /** The key that was added to last is last. */
  readonly #lists = new Map<string, T[]>();
  readonly #oldest = new OldestFirst(this.#lists);
  #bytes = 0;

  constructor(limits: RecentListLimits<T>) {
    this.#limits = limits;
  }

  /** The bytes of all lists, by `bytesOf`. */
  get bytes(): number {
    return this.#bytes;
  }

  add(key: string, item: T): void {
    const list = this.#lists.get(key) ?? [];
    this.#lists.delete(key);
    this.#lists.set(key, list);
    list.push(item);
    this.#bytes += this.#limits.bytesOf(item);
    if (list.length > this.#limits.perKey) this.#forget(list.shift());
    while (this.#bytes > this.#limits.totalBytes) this.#evict();
  }

  /** Oldest first. */
  of(key: string): readonly T[] {
    return this.#lists.get(key) ?? [];
  }

  /** Returns the items of a key and removes them. */
  take(key: string): readonly T[] {
    const list = this.#lists.get(key) ?? [];
    this.#lists.delete(key);
    for (const item of list) this.#forget(item);
    return list;
  }

  /** The first item for which `matches` holds, of any key. Takes time in proportion to what is held. */
  find(matches: (item: T) => boolean): T | undefined {
    for (const list of this.#lists.values()) {
      const found = list.find(matches);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #evict(): void {
    const oldest = this.#oldest.next();
    if (oldest !== undefined) this.take(oldest);
  }

  #forget(item: T | undefined): void {
    if (item !== undefined) this.#bytes -= this.#limits.bytesOf(item);
  }
}
