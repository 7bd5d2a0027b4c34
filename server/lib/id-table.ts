/**
 * Finds objects by their ids, which must be random: a client that could choose them could make them collide. A map takes 80 to
 * 160 bytes per object, and this table 20 (bench/fanout --rate 0).
 *
 * The objects are in a list. `#places` is a hash table with open addressing that has the place of each in the list, counted from 1.
 */
export class IdTable<T extends { readonly id: string }> {
  readonly #items: T[] = [];
  #places = new Int32Array(leastSlots);

  get size(): number {
    return this.#items.length;
  }

  get(id: string): T | undefined {
    const place = this.#places[this.#slotOf(id)] ?? 0;
    return place === 0 ? undefined : this.#items[place - 1];
  }

  /** The id must not be in the table yet. */
  add(item: T): void {
    this.#items.push(item);
    if (this.size > maxFill * this.#places.length) this.#rebuild(2 * this.#places.length);
    else this.#places[this.#slotOf(item.id)] = this.size;
  }

  delete(id: string): void {
    const slot = this.#slotOf(id);
    const place = this.#places[slot] ?? 0;
    const last = this.#items.at(-1);
    if (place === 0 || last === undefined) return;
    this.#places[this.#slotOf(last.id)] = place;
    this.#items[place - 1] = last;
    this.#free(slot);
    this.#items.pop();
    if (this.size < minFill * this.#places.length && this.#places.length > leastSlots) {
      this.#rebuild(this.#places.length / 2);
    }
  }

  /** A copy, so that objects can be deleted while it is read. The oldest first, until one is deleted: then the last takes its place. */
  values(): readonly T[] {
    return this.#items.slice();
  }

  /** The slot of an id or, if it is not in the table, the free slot where the search for it ends. */
  #slotOf(id: string): number {
    const mask = this.#places.length - 1;
    let slot = hashOf(id) & mask;
    for (;;) {
      const place = this.#places[slot] ?? 0;
      if (place === 0 || this.#items[place - 1]?.id === id) return slot;
      slot = (slot + 1) & mask;
    }
  }

  /** Moves later entries of the same run into the hole, so that no search ends there. */
  #free(slot: number): void {
    const mask = this.#places.length - 1;
    let hole = slot;
    for (let next = (hole + 1) & mask; ; next = (next + 1) & mask) {
      const place = this.#places[next] ?? 0;
      if (place === 0) break;
      const home = hashOf(this.#items[place - 1]?.id ?? "") & mask;
      // An entry must not move to a slot before its home.
      if (((next - home) & mask) < ((next - hole) & mask)) continue;
      this.#places[hole] = place;
      hole = next;
    }
    this.#places[hole] = 0;
  }

  #rebuild(slots: number): void {
    this.#places = new Int32Array(slots);
    this.#items.forEach(({ id }, index) => {
      this.#places[this.#slotOf(id)] = index + 1;
    });
  }
}

/** Powers of two. */
const leastSlots = 16;
/** How full the table is at most, and at least. */
const maxFill = 3 / 4;
const minFill = 1 / 8;

/** FNV-1a, with the upper bits mixed into the lower ones. */
function hashOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < id.length; at++) hash = Math.imul(hash ^ id.charCodeAt(at), 0x01000193);
  return hash ^ (hash >>> 15);
}
