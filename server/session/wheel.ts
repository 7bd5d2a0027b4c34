import { getLogger } from "@logtape/logtape";
import type { Clock, Timer } from "../lib/clock.ts";

export interface WheelOptions<T> {
  /** Between two visits of one member; rounded to a multiple of `tickMs`. */
  readonly intervalMs: number;
  /** How fine the visits are spread. */
  readonly tickMs: number;
  visit(member: T): void;
  /** Visiting it threw, and was logged. Must not throw. */
  onFault(member: T): void;
}

/**
 * Visits each of many members once per interval, spread over it: members stand in the slots of a wheel, one slot is
 * visited per tick. A member that comes is visited a whole interval later for the first time.
 */
export class Wheel<T> {
  readonly #slots: Set<T>[];
  readonly #slotOf = new Map<T, Set<T>>();
  readonly #visit: (member: T) => void;
  readonly #onFault: (member: T) => void;
  readonly #tickMs: number;
  readonly #clock: Clock;
  #timer: Timer | undefined;
  #hand = 0;

  constructor({ intervalMs, tickMs, visit, onFault }: WheelOptions<T>, clock: Clock) {
    this.#tickMs = tickMs;
    this.#clock = clock;
    this.#visit = visit;
    this.#onFault = onFault;
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
    const slot = this.#slots[this.#hand] ?? [];
    this.#hand = (this.#hand + 1) % this.#slots.length;
    for (const member of slot) this.#visitOrLog(member);
  };

  /** One that cannot be visited must not keep the wheel from all the others. */
  #visitOrLog(member: T): void {
    try {
      this.#visit(member);
    } catch (error) {
      getLogger(["fanfare", "session"]).error("A connection could not be looked after: {error}", { error });
      this.#onFault(member);
    }
  }
}
