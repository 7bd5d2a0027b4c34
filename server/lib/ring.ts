/** Size and age of an item. Shared by many rings. */
export interface RingMeasure<T> {
  bytesOf(item: T): number;
  /** Milliseconds since a fixed point. */
  timeOf(item: T): number;
}

/**
 * A queue with access by index: items are added at one end and removed at the other, and nothing is ever moved. Each call has
 * constant amortized cost; an empty ring holds no memory of its own.
 *
 * Invariant: the item at `index` is `slots[(start + index) & (slots.length - 1)]`; the number of slots is 0 or a power of 2.
 */
export class Ring<T> {
  readonly #measure: RingMeasure<T>;
  #slots: (T | undefined)[] = noSlots;
  /** The size of each item, at the same index, because measuring may be expensive. */
  #sizes: number[] = noSlots;
  #start = 0;
  #length = 0;
  #bytes = 0;

  constructor(measure: RingMeasure<T>) {
    this.#measure = measure;
  }

  get length(): number {
    return this.#length;
  }

  /** The bytes of all items. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The item at an index; 0 is the oldest. */
  at(index: number): T | undefined {
    if (index < 0 || index >= this.#length) return undefined;
    return this.#slots[(this.#start + index) & (this.#slots.length - 1)];
  }

  push(item: T): void {
    if (this.#length === this.#slots.length) this.#resize(Math.max(minSlots, this.#length * 2));
    const slot = (this.#start + this.#length) & (this.#slots.length - 1);
    const bytes = this.#measure.bytesOf(item);
    this.#slots[slot] = item;
    this.#sizes[slot] = bytes;
    this.#length++;
    this.#bytes += bytes;
  }

  /** Removes the oldest item. */
  shift(): T | undefined {
    if (this.#length === 0) return undefined;
    const item = this.#slots[this.#start];
    this.#bytes -= this.#sizes[this.#start] ?? 0;
    this.#slots[this.#start] = undefined; // so that it can be collected
    this.#start = (this.#start + 1) & (this.#slots.length - 1);
    this.#length--;
    // At a quarter rather than half, so that alternating push and shift does not resize each time.
    if (this.#length * 4 <= this.#slots.length) this.#resize(this.#length === 0 ? 0 : this.#slots.length / 2);
    return item;
  }

  /**
   * Whether the oldest item must be evicted to stay within the limits.
   * @param minTime items older than this are evicted; one of exactly this time is kept
   */
  exceeds(maxItems: number, maxBytes: number, minTime: number): boolean {
    const oldest = this.#slots[this.#start];
    if (this.#length === 0 || oldest === undefined) return false;
    return this.#length > maxItems || this.#bytes > maxBytes || this.#measure.timeOf(oldest) < minTime;
  }

  /** When the item at an index was stored, or 0 if the index is out of range. */
  timeAt(index: number): number {
    const item = this.at(index);
    return item === undefined ? 0 : this.#measure.timeOf(item);
  }

  /** The index after the newest item older than this. Searches from the newest backwards, because times decrease where a clock was set back. */
  firstSince(time: number): number {
    let first = this.#length;
    while (first > 0 && this.timeAt(first - 1) >= time) first--;
    return first;
  }

  /** Visits items from an index on, as long as `visit` returns true. */
  each(
    from: number,
    _: unknown,
    visit: (item: T, stored: { readonly at: number; readonly cost: number }) => boolean,
  ): void {
    for (let index = Math.max(0, from); index < this.#length; index++) {
      const item = this.at(index);
      const cost = this.#sizes[(this.#start + index) & (this.#slots.length - 1)] ?? 0;
      if (item === undefined || !visit(item, { at: this.#measure.timeOf(item), cost })) return;
    }
  }

  /** The items from one index up to, but not including, another. */
  slice(from: number, to: number): T[] {
    const items: T[] = [];
    for (let index = Math.max(0, from); index < Math.min(to, this.#length); index++) {
      const item = this.at(index);
      if (item !== undefined) items.push(item);
    }
    return items;
  }

  /** Items from an index on: as many as fit into both limits; at least one, even if it is larger than `maxBytes`. */
  take(from: number, maxItems: number, maxBytes: number): T[] {
    let end = Math.max(0, from);
    let bytes = 0;
    for (const last = Math.min(end + maxItems, this.#length); end < last; end++) {
      bytes += this.#sizes[(this.#start + end) & (this.#slots.length - 1)] ?? 0;
      if (bytes > maxBytes && end > from) break;
    }
    return this.slice(from, end);
  }

  #resize(size: number): void {
    if (size !== 0 && size < minSlots) return;
    // Filled, because an array with holes is slower to write into.
    const slots = new Array<T | undefined>(size).fill(undefined);
    const sizes = new Array<number>(size).fill(0);
    for (let index = 0; index < this.#length; index++) {
      const slot = (this.#start + index) & (this.#slots.length - 1);
      slots[index] = this.#slots[slot];
      sizes[index] = this.#sizes[slot] ?? 0;
    }
    this.#slots = size === 0 ? noSlots : slots;
    this.#sizes = size === 0 ? noSlots : sizes;
    this.#start = 0;
  }
}

/** The smallest capacity, in items. */
const minSlots = 4;
/** Shared by all empty rings and never written to: a push resizes first. */
const noSlots: never[] = [];
