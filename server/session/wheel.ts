import { getLogger } from "@logtape/logtape";
import { alignedDelay } from "../lib/aligned-delay.ts";
import type { Clock, Timer } from "../lib/clock.ts";

export interface WheelOptions<T> {
  /** Time between two visits of one member; rounded to a multiple of `tickMs`. */
  readonly intervalMs: number;
  /** Time between two slots. */
  readonly tickMs: number;
  visit(member: T): void;
  /** Called after `visit` threw and the error was logged. Must not throw. */
  onFault(member: T): void;
}

/**
 * Visits each of many members once per interval, spread over it. Members are kept in the slots of a wheel, and one slot is
 * visited per tick. A new member is visited for the first time after a whole interval. Without members no timer runs.
 */
export class Wheel<T> {
  readonly #slots: Set<T>[];
  #size = 0;
  readonly #visit: (member: T) => void;
  readonly #onFault: (member: T) => void;
  readonly #tickMs: number;
  readonly #clock: Clock;
  #timer: Timer | undefined;
  #hand = 0;
  #isClosed = false;

  constructor({ intervalMs, tickMs, visit, onFault }: WheelOptions<T>, clock: Clock) {
    this.#tickMs = tickMs;
    this.#clock = clock;
    this.#visit = visit;
    this.#onFault = onFault;
    this.#slots = Array.from({ length: Math.max(1, Math.round(intervalMs / tickMs)) }, () => new Set());
  }

  /** How many members it has. */
  get size(): number {
    return this.#size;
  }

  /** The member must not be in it yet. */
  add(member: T): void {
    const lastSlot = (this.#hand + this.#slots.length - 1) % this.#slots.length;
    const slot = this.#slots[lastSlot];
    if (slot === undefined) return;
    slot.add(member);
    this.#size++;
    if (!this.#isClosed) this.#timer ??= this.#clock.setTimeout(this.#tick, alignedDelay(this.#clock, this.#tickMs));
  }

  /** Looks into all slots, which takes a microsecond: a map to the slot would be 50 bytes of each idle connection. */
  remove(member: T): void {
    for (const slot of this.#slots) {
      if (!slot.delete(member)) continue;
      this.#size--;
      return;
    }
  }

  /** Idempotent. */
  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  readonly #tick = (): void => {
    this.#timer =
      this.size === 0 ? undefined : this.#clock.setTimeout(this.#tick, alignedDelay(this.#clock, this.#tickMs));
    const slot = this.#slots[this.#hand] ?? [];
    this.#hand = (this.#hand + 1) % this.#slots.length;
    for (const member of slot) this.#visitOrLog(member);
  };

  /** An error in one visit must not keep the others from being visited. */
  #visitOrLog(member: T): void {
    try {
      this.#visit(member);
    } catch (error) {
      getLogger(["fanfare", "session"]).error("A connection could not be checked: {error}", { error });
      this.#onFault(member);
    }
  }
}
