import { getLogger } from "@logtape/logtape";
import { alignedDelay } from "../lib/aligned-delay.ts";
import type { Clock, Timer } from "../lib/clock.ts";

/** The links of a member, which only its wheel uses. They are in the member itself because a set takes 100 bytes for each. */
export interface WheelMember {
  next: WheelMember | undefined;
  previous: WheelMember | undefined;
}

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
export class Wheel<T extends WheelMember> {
  /** Each is the head of a circular list. */
  readonly #slots: WheelMember[];
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
    this.#slots = Array.from({ length: Math.max(1, Math.round(intervalMs / tickMs)) }, makeHead);
  }

  /** How many members it has. */
  get size(): number {
    return this.#size;
  }

  /** The member must not be in a wheel yet. */
  add(member: T): void {
    const lastSlot = (this.#hand + this.#slots.length - 1) % this.#slots.length;
    const head = this.#slots[lastSlot];
    if (head?.previous === undefined) return;
    member.previous = head.previous;
    member.next = head;
    head.previous.next = member;
    head.previous = member;
    this.#size++;
    if (!this.#isClosed) this.#timer ??= this.#clock.setTimeout(this.#tick, alignedDelay(this.#clock, this.#tickMs));
  }

  remove(member: T): void {
    const { next, previous } = member;
    if (next === undefined || previous === undefined) return;
    previous.next = next;
    next.previous = previous;
    member.next = undefined;
    member.previous = undefined;
    this.#size--;
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
    const head = this.#slots[this.#hand];
    this.#hand = (this.#hand + 1) % this.#slots.length;
    // Collected first, because a visit may remove members.
    const members: T[] = [];
    for (let it = head?.next; it !== undefined && it !== head; it = it.next) members.push(it as T);
    for (const member of members) if (member.next !== undefined) this.#visitOrLog(member);
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

function makeHead(): WheelMember {
  const head: WheelMember = { next: undefined, previous: undefined };
  head.next = head;
  head.previous = head;
  return head;
}
