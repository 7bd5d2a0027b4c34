import type { Clock, Timer } from "../lib/clock.ts";

/**
 * Visits each of many members once per interval, spread over it: members stand in the slots of a wheel, one slot is
 * visited per tick. A member that comes is visited a whole interval later for the first time.
 */
export class Wheel<T> {
  readonly #slots: Set<T>[];
  readonly #slotOf = new Map<T, Set<T>>();
  readonly #visit: (member: T) => void;
  readonly #tickMs: number;
  readonly #clock: Clock;
  #timer: Timer | undefined;
  #hand = 0;

  /** @param tickMs how fine the spread is; the interval is rounded to a multiple of it */
  constructor(intervalMs: number, tickMs: number, clock: Clock, visit: (member: T) => void) {
    this.#tickMs = tickMs;
    this.#clock = clock;
    this.#visit = visit;
    this.#slots = Array.from({ length: Math.max(1, Math.round(intervalMs / tickMs)) }, () => new Set());
    this.#timer = clock.setTimeout(this.#tick, tickMs);
  }

  add(member: T): void {
    const behindTheHand = (this.#hand + this.#slots.length - 1) % this.#slots.length;
    const slot = this.#slots[behindTheHand];
    if (slot === undefined) return;
    slot.add(member);
    this.#slotOf.set(member, slot);
  }

  remove(member: T): void {
    this.#slotOf.get(member)?.delete(member);
    this.#slotOf.delete(member);
  }

  /** Idempotent. */
  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  readonly #tick = (): void => {
    this.#timer = this.#clock.setTimeout(this.#tick, this.#tickMs);
    for (const member of this.#slots[this.#hand] ?? []) this.#visit(member);
    this.#hand = (this.#hand + 1) % this.#slots.length;
  };
}
