/** Ids in order, for lists by pages. Adding one to 100,000 moves less than a megabyte. */
export class SortedIds {
  readonly #ids: string[] = [];

  add(id: string): void {
    this.#ids.splice(this.#placeOf(id), 0, id);
  }

  remove(id: string): void {
    const at = this.#placeOf(id);
    if (this.#ids[at] === id) this.#ids.splice(at, 1);
  }

  /** Those that begin with the prefix and come after `after`, in order. */
  *from(prefix: string, after: string): Generator<string> {
    let at = this.#placeOf(prefix > after ? prefix : after);
    if (this.#ids[at] === after) at++;
    for (let id = this.#ids[at]; id?.startsWith(prefix); id = this.#ids[++at]) yield id;
  }

  /** The index of the id, or where it belongs. */
  #placeOf(id: string): number {
    let [low, high] = [0, this.#ids.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#ids[middle] ?? "") < id) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
