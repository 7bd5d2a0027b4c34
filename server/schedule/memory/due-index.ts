import TinyQueue from "tinyqueue";

/** An entry: when a record is due, and which version of it. */
export interface DueEntry {
  readonly dueAt: number;
  readonly id: string;
  readonly version: number;
}

/** Entries of former versions that are kept before the index is rebuilt. */
const spareEntries = 1000;

/**
 * Finds the records that are due next. An entry of a former version stays until it comes up, or until more
 * than half of all are such.
 */
export class DueIndex {
  #queue = new TinyQueue<DueEntry>([], byTime);
  #live = 0;
  readonly #isCurrent: (entry: DueEntry) => boolean;

  /** @param isCurrent whether the record still has this version and due time */
  constructor(isCurrent: (entry: DueEntry) => boolean) {
    this.#isCurrent = isCurrent;
  }

  /** Call it after the record was stored. */
  add(entry: DueEntry): void {
    this.#live++;
    this.#queue.push(entry);
    if (this.#queue.length > 2 * this.#live + spareEntries) this.#rebuild();
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
      this.#queue.pop();
      next = this.#top();
    }
    for (const entry of due) this.#queue.push(entry);
    return { due, next };
  }

  #top(): DueEntry | undefined {
    for (let top = this.#queue.peek(); top !== undefined; top = this.#queue.peek()) {
      if (this.#isCurrent(top)) return top;
      this.#queue.pop();
    }
    return undefined;
  }

  #rebuild(): void {
    this.#queue = new TinyQueue(this.#queue.data.filter(this.#isCurrent), byTime);
  }
}

function byTime(one: DueEntry, other: DueEntry): number {
  if (one.dueAt !== other.dueAt) return one.dueAt - other.dueAt;
  return one.id < other.id ? -1 : Number(one.id > other.id);
}
