/** Random choices of one part of a simulation: the same seed and name give the same choices, whatever other parts draw. */
export class Dice {
  #state: number;

  constructor(seed: number, name: string) {
    this.#state = Bun.hash.xxHash32(name, seed >>> 0);
  }

  /** From 0 up to 1 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  between(least: number, most: number): number {
    return least + this.next() * (most - least);
  }

  /** A whole number, both ends included. */
  whole(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1));
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** @throws RangeError for an empty list */
  pick<T>(items: readonly T[]): T {
    const item = items[Math.floor(this.next() * items.length)];
    if (item === undefined) throw new RangeError("there is nothing to pick from");
    return item;
  }
}

/** Until it is disposed of, the runtime's random functions use these dice. */
export function drawGlobalsFrom(dice: () => Dice): Disposable {
  const { random } = Math;
  const { getRandomValues, randomUUID } = crypto;
  Math.random = () => dice().next();
  crypto.getRandomValues = (array) => {
    const source = dice();
    if (array === null) return array;
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    for (let at = 0; at < bytes.length; at++) bytes[at] = source.whole(0, 255);
    return array;
  };
  let ids = 0;
  crypto.randomUUID = () => `00000000-0000-4000-8000-${(++ids).toString(16).padStart(12, "0")}`;
  return {
    [Symbol.dispose]: () => {
      Math.random = random;
      Object.assign(crypto, { getRandomValues, randomUUID });
    },
  };
}
