import { type Clock, checkTimer, type Timer } from "../../server/lib/clock.ts";
import type { Dice } from "./dice.ts";
import type { Actor, Timeline, TimelineEvent } from "./timeline.ts";

/** When every simulation begins. Unix time in milliseconds. */
const startedAt = Date.UTC(2026, 0, 1);
/** How far the clock of a busy process may run ahead of the queue, milliseconds. */
const maxAheadMs = 25;

/** A connection that is told when its process is gone. */
export interface AttachedConnection {
  onProcessGone(process: Process, isSilent: boolean): void;
}

/**
 * One process of the simulation, and the clock that its code is given. It can be stopped and continued (SIGSTOP), and
 * killed; its wall clock can be set.
 */
export class Process implements Clock, Actor {
  readonly name: string;
  readonly number: number;
  readonly dice: Dice;
  readonly timeline: Timeline;
  readonly wires = new Set<AttachedConnection>();
  readonly failures: unknown[] = [];
  /** Milliseconds that pass with each reading of the clock. Above 0 the process is busy, and its flushes take time. */
  busyMs = 0;
  #wallOffsetMs = 0;
  #lastReading = 0;
  #isStopped = false;
  #isDead = false;
  #waiting: TimelineEvent[] = [];

  constructor(timeline: Timeline, name: string, number: number, dice: Dice) {
    this.timeline = timeline;
    this.name = name;
    this.number = number;
    this.dice = dice;
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  now(): number {
    return startedAt + Math.floor(this.timeline.now) + this.#wallOffsetMs;
  }

  monotonic(): number {
    const { now } = this.timeline;
    this.#lastReading = Math.max(now, Math.min(this.#lastReading + this.busyMs, now + maxAheadMs));
    return this.#lastReading;
  }

  /** Moves the wall clock forward or back. No time passes. */
  setWallClock(byMs: number): void {
    this.#wallOffsetMs += byMs;
  }

  setTimeout(run: () => void, ms: number): Timer {
    checkTimer(ms);
    return this.timeline.schedule(this.timeline.now + Math.max(0, ms), this, run, true);
  }

  setImmediate(run: () => void): Timer {
    return this.timeline.schedule(this.timeline.now, this, run, true);
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.setTimeout(resolve, ms);
    });
  }

  /** Delivers something from outside. */
  post(at: number, run: () => void): void {
    this.timeline.schedule(at, this, run, false);
  }

  /** @returns whether it runs now; what a stopped process cannot run waits, what a dead one cannot is lost */
  accepts(event: TimelineEvent): boolean {
    if (this.#isDead) return false;
    if (!this.#isStopped) return true;
    this.#waiting.push(event);
    return false;
  }

  stop(): void {
    this.#isStopped = true;
  }

  continue(): void {
    if (!this.#isStopped) return;
    this.#isStopped = false;
    const waiting = this.#waiting.splice(0);
    // An event loop may look at its timers before it reads its sockets: then silence seems longer than it was.
    const hasTimersFirst = this.dice.chance(0.5);
    const order = hasTimersFirst
      ? [...waiting.filter(({ isTimer }) => isTimer), ...waiting.filter(({ isTimer }) => !isTimer)]
      : waiting;
    // `run` is read when its turn comes, because one event may cancel another.
    for (const it of order) this.timeline.schedule(this.timeline.now, this, () => it.run?.(), it.isTimer);
  }

  /** @param isSilent the whole machine is gone: its peers are not told that their connections ended */
  kill(isSilent = false): void {
    this.#isDead = true;
    this.#waiting = [];
    for (const wire of [...this.wires]) wire.onProcessGone(this, isSilent);
    this.wires.clear();
  }
}
