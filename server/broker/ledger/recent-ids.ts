import type { ChannelName } from "../../../protocol/channel-name.ts";
import type { Position } from "../../../protocol/position.ts";
import { Ring, type RingMeasure } from "../../lib/ring.ts";
import { tableKey } from "../../lib/table-key.ts";
import { idCost } from "../cost-of.ts";

/** How long ids are remembered, and how much memory they may take. */
export interface RecentIdsLimits<O> {
  /** Milliseconds. */
  readonly windowMs: number;
  readonly maxBytes: number;
  /** Called when an owner's ids take more or fewer bytes. */
  onCharge(owner: O, bytes: number): void;
}

/** The lookup key of an id. Channel names contain no line breaks, so the key is unique per channel and id. */
export function idKey(channel: ChannelName, id: string): string {
  return `${channel}\n${id}`;
}

interface Remembered<O> {
  readonly key: string;
  readonly position: Position;
  readonly owner: O;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/**
 * The positions of recently stored ids. An id is never forgotten early: when memory is full, new ids are refused, because a
 * retry with a forgotten id would be stored twice.
 */
export class RecentIds<O> {
  readonly #limits: RecentIdsLimits<O>;
  /** By their `tableKey`. */
  readonly #byKey = new Map<string, Remembered<O>>();
  /** Oldest first. */
  readonly #ring = new Ring<Remembered<O>>(measure);

  constructor(limits: RecentIdsLimits<O>) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#byKey.size;
  }

  /** The cost of all ids. */
  get bytes(): number {
    return this.#ring.bytes;
  }

  /** The position of the first publication with this id, if that was at most a window ago. */
  find(key: string, now: number): Position | undefined {
    const found = this.#byKey.get(tableKey(key));
    return found === undefined || this.#isOver(found, now) ? undefined : found.position;
  }

  /** Whether there is room for another id. */
  hasRoom(key: string, now: number): boolean {
    const bytes = idCost(key);
    while (this.#ring.bytes + bytes > this.#limits.maxBytes) {
      if (!this.#forgetOldest(now)) return false;
    }
    return true;
  }

  /** To be called after `hasRoom`. */
  remember(key: string, position: Position, at: number, owner: O): void {
    const remembered = { key, position, at, owner };
    this.#byKey.set(tableKey(key), remembered);
    this.#ring.push(remembered);
    this.#limits.onCharge(owner, idCost(key));
  }

  /** All remembered ids, oldest first. */
  *all(): Iterable<{ readonly key: string; readonly position: Position; readonly at: number }> {
    for (let index = 0; index < this.#ring.length; index++) {
      const remembered = this.#ring.at(index);
      if (remembered !== undefined) yield remembered;
    }
  }

  /** Removes expired ids. @returns how many, at most `most`. */
  forgetOver(now: number, most: number): number {
    let forgotten = 0;
    while (forgotten < most && this.#forgetOldest(now)) forgotten++;
    return forgotten;
  }

  #isOver(it: Remembered<O>, now: number): boolean {
    return now - it.at > this.#limits.windowMs;
  }

  #forgetOldest(now: number): boolean {
    const oldest = this.#ring.at(0);
    if (oldest === undefined || !this.#isOver(oldest, now)) return false;
    this.#ring.shift();
    this.#limits.onCharge(oldest.owner, -idCost(oldest.key));
    // The same id may have been stored again after it expired and before it was removed here.
    const key = tableKey(oldest.key);
    if (this.#byKey.get(key) === oldest) this.#byKey.delete(key);
    return true;
  }
}

const measure: RingMeasure<Remembered<unknown>> = {
  bytesOf: ({ key }) => idCost(key),
  timeOf: ({ at }) => at,
};
