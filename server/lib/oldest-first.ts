/**
 * The keys of a map or set, oldest first. A fresh iterator skips over all keys that were deleted since the engine last rebuilt the
 * map: deleting the oldest of 100 000 keys for each new one takes 50 µs that way.
 */
export class OldestFirst<K> {
  readonly #keyed: { keys(): Iterator<K> };
  #keys: Iterator<K>;

  constructor(keyed: { keys(): Iterator<K> }) {
    this.#keyed = keyed;
    this.#keys = keyed.keys();
  }

  /** The oldest key that was not returned before; undefined if there are no keys. A key that is not deleted comes again after all others. */
  next(): K | undefined {
    const { value, done } = this.#keys.next();
    if (done !== true) return value;
    this.#keys = this.#keyed.keys();
    return this.#keys.next().value;
  }
}
