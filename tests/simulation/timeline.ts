import { drainMicrotasks } from "bun:jsc";
import TinyQueue from "tinyqueue";
import type { Timer } from "../../server/lib/clock.ts";
import type { Dice } from "./dice.ts";

/** A process as the timeline sees it. */
export interface Actor {
  readonly number: number;
  readonly dice: Dice;
  /** Uncaught exceptions of its code. */
  readonly failures: unknown[];
  /** @returns whether it runs now */
  accepts(event: TimelineEvent): boolean;
}

/** A timer or a message of one process. */
export interface TimelineEvent {
  readonly at: number;
  readonly order: number;
  readonly process: Actor;
  readonly isTimer: boolean;
  /** Undefined once it was cancelled. */
  run: (() => void) | undefined;
}

/**
 * Simulated time: one queue of all events, ordered by time. Each event runs together with the promises that it settles, so
 * the same events always have the same consequences.
 */
export class Timeline {
  /** Milliseconds since the simulation began. */
  now = 0;
  /** Events that have run. */
  count = 0;
  /** The process whose event is running. */
  current: Actor | undefined;
  /** A hash of all events so far. */
  hash = 0x811c9dc5;
  readonly #queue = new TinyQueue<TimelineEvent>([], byTime);
  #order = 0;

  /** @param isTimer a process that was stopped may run its timers before it reads what arrived */
  schedule(at: number, process: Actor, run: () => void, isTimer: boolean): Timer {
    const event: TimelineEvent = { at: Math.max(at, this.now), order: this.#order++, process, isTimer, run };
    this.#queue.push(event);
    return {
      cancel: () => {
        event.run = undefined;
      },
    };
  }

  /** Runs all events up to this time. */
  runUntil(time: number): void {
    for (let next = this.#queue.peek(); next !== undefined && next.at <= time; next = this.#queue.peek()) {
      this.#queue.pop();
      if (next.run === undefined) continue;
      this.now = next.at;
      this.#perform(next);
    }
    this.now = time;
  }

  /** Adds what a client received to the hash. */
  note(text: string): void {
    this.hash = Bun.hash.xxHash32(text, this.hash);
  }

  #perform(next: TimelineEvent): void {
    const { process, run } = next;
    if (run === undefined || !process.accepts(next)) return;
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
}

function byTime(one: TimelineEvent, other: TimelineEvent): number {
  return one.at - other.at || one.order - other.order;
}
