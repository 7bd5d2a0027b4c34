/** An entry: when a record is due, and which version of it. */
export interface DueEntry {
  readonly dueAt: number;
  readonly id: string;
  readonly version: number;
}

/** Entries of former versions that are kept before the index is rebuilt. */
const spareEntries = 1000;

/**
 * Finds the records that are due next (a binary heap). An entry of a former version stays until it comes up, or until more
 * than half of all are such.
 */
export class DueIndex {
  #heap: DueEntry[] = [];
  #live = 0;
  readonly #isCurrent: (entry: DueEntry) => boolean;

  /** @param isCurrent whether the record still has this version and due time */
  constructor(isCurrent: (entry: DueEntry) => boolean) {
    this.#isCurrent = isCurrent;
  }

  /** Call it after the record was stored. */
  add(entry: DueEntry): void {
    this.#live++;
    this.#push(entry);
    if (this.#heap.length > 2 * this.#live + spareEntries) this.#rebuild();
  }

  /** A record that had an entry is no longer due, or has another entry. */
  removed(): void {
    this.#live--;
  }

  /** The first entries that are due until a time, earliest first, and the one after them. */
  first(until: number, limit: number): { readonly due: readonly DueEntry[]; readonly next: DueEntry | undefined } {
    const due: DueEntry[] = [];
    let next = this.#top();
    while (next !== undefined && next.dueAt <= until && due.length < limit) {
      // A write that was undone has left a second entry for the same version.
      const last = due.at(-1);
      if (last?.id !== next.id || last.version !== next.version) due.push(next);
      this.#pop();
      next = this.#top();
    }
    for (const entry of due) this.#push(entry);
    return { due, next };
  }

  #top(): DueEntry | undefined {
    for (let top = this.#heap[0]; top !== undefined; top = this.#heap[0]) {
      if (this.#isCurrent(top)) return top;
      this.#pop();
    }
    return undefined;
  }

  #push(entry: DueEntry): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = heap[above];
      if (parent === undefined || !isBefore(entry, parent)) break;
      heap[at] = parent;
      at = above;
    }
    heap[at] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      const [left, right] = [heap[below], heap[below + 1]];
      if (left === undefined) break;
      let child = left;
      if (right !== undefined && isBefore(right, left)) {
        child = right;
        below++;
      }
      if (!isBefore(child, last)) break;
      heap[at] = child;
      at = below;
    }
    heap[at] = last;
  }

  #rebuild(): void {
    const current = this.#heap.filter(this.#isCurrent);
    this.#heap = [];
    for (const entry of current) this.#push(entry);
  }
}

function isBefore(one: DueEntry, other: DueEntry): boolean {
  return one.dueAt < other.dueAt || (one.dueAt === other.dueAt && one.id < other.id);
}
