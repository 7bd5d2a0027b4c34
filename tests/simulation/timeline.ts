import { drainMicrotasks } from "bun:jsc";
import type { Timer } from "../../server/lib/clock.ts";
import type { Dice } from "./dice.ts";

/** A process, as far as the timeline is concerned. */
export interface Actor {
  readonly number: number;
  readonly dice: Dice;
  /** What its code threw where nobody caught it. */
  readonly failures: unknown[];
  /** @returns whether it runs now */
  takes(occurrence: Occurrence): boolean;
}

/** Something that will happen in one process. */
export interface Occurrence {
  readonly at: number;
  readonly order: number;
  readonly process: Actor;
  readonly isTimer: boolean;
  /** Undefined once it was cancelled. */
  run: (() => void) | undefined;
}

/**
 * Simulated time: everything that happens stands in one queue, ordered by time. One occurrence runs at a time, with all
 * promises that it settles, so the same occurrences always have the same consequences.
 */
export class Timeline {
  /** Milliseconds since the simulation began. */
  now = 0;
  /** Occurrences that have run. */
  count = 0;
  /** The process whose occurrence runs now. */
  current: Actor | undefined;
  /** Describes all that has happened so far. */
  hash = 0x811c9dc5;
  readonly #heap: Occurrence[] = [];
  #order = 0;

  /** @param isTimer a process that was stopped may run its timers before it reads what arrived */
  schedule(at: number, process: Actor, run: () => void, isTimer: boolean): Timer {
    const occurrence: Occurrence = { at: Math.max(at, this.now), order: this.#order++, process, isTimer, run };
    this.#push(occurrence);
    return {
      cancel: () => {
        occurrence.run = undefined;
      },
    };
  }

  /** Runs what happens until then. */
  runUntil(time: number): void {
    for (let next = this.#heap[0]; next !== undefined && next.at <= time; next = this.#heap[0]) {
      this.#pop();
      if (next.run === undefined) continue;
      this.now = next.at;
      this.#perform(next);
    }
    this.now = time;
  }

  /** Makes something observable part of the hash. */
  note(text: string): void {
    this.hash = Bun.hash.xxHash32(text, this.hash);
  }

  #perform(next: Occurrence): void {
    const { process, run } = next;
    if (run === undefined || !process.takes(next)) return;
    this.count++;
    this.hash = Math.imul(this.hash ^ (next.at * 1024), 0x01000193) ^ process.number;
    this.current = process;
    try {
      run();
    } catch (error) {
      process.failures.push(error);
    }
    drainMicrotasks();
    this.current = undefined;
  }

  #push(occurrence: Occurrence): void {
    const heap = this.#heap;
    let at = heap.length;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = heap[above];
      if (parent === undefined || !isBefore(occurrence, parent)) break;
      heap[at] = parent;
      at = above;
    }
    heap[at] = occurrence;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      let child = heap[below];
      if (child === undefined) break;
      const right = heap[below + 1];
      if (right !== undefined && isBefore(right, child)) {
        below++;
        child = right;
      }
      if (!isBefore(child, last)) break;
      heap[at] = child;
      at = below;
    }
    heap[at] = last;
  }
}

function isBefore(one: Occurrence, other: Occurrence): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order);
}
