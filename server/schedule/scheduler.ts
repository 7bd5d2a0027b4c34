import { getLogger } from "@logtape/logtape";
import { ServiceError } from "../../protocol/errors.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import { randomId } from "../lib/random-id.ts";
import { Firing } from "./firing.ts";
import { LeaseKeeper } from "./lease-keeper.ts";
import type { PublishOccurrence } from "./occurrence.ts";
import { reanchor } from "./reanchor.ts";
import type { ScheduleStore } from "./schedule-store.ts";
import { NextTimes } from "./timing/next-times.ts";

/** Schedules that are fired together. After each slice the event loop runs other work. */
const sliceSize = 200;
/** A clock that moves by more than this against the time that has passed was set. */
const setByMs = 1000;
/** The longest wait between two checks. If the notification of a new schedule is lost, it is found this much later. */
const maxWaitMs = 2000;

export interface SchedulerOptions {
  readonly store: ScheduleStore;
  readonly publish: PublishOccurrence;
  readonly clock: Clock;
  /** How long the broker remembers the id of a publication, milliseconds. */
  readonly idWindowMs: number;
  /** Shows operators who look into the store which process has the lease. */
  readonly name?: string;
  readonly random?: () => number;
}

/**
 * Fires the schedules of the server, if it has the lease. Every worker has one, and one of them has the lease.
 *
 * The lease only saves work. That an occurrence is published once does not depend on it: see firing.ts.
 */
export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #keeper: LeaseKeeper;
  readonly #firing: Firing;
  readonly #times = new NextTimes();
  #timer: Timer | undefined;
  /** The due time that the timer waits for. */
  #armedFor = Number.POSITIVE_INFINITY;
  #checking: Promise<void> | undefined;
  #checksAgain = false;
  /** Intervals are being compared with the clock. */
  #anchoring: Promise<void> | undefined;
  #isOpen = false;
  #wallOffset = 0;
  /** The token with which the due times were last compared with the clock. */
  #comparedWith: number | undefined;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    const { store, publish, clock, idWindowMs, name = "scheduler", random = Math.random } = options;
    const holder = `${name} ${randomId(9)}`;
    this.#keeper = new LeaseKeeper({ store, clock, holder, random, onHeld: () => this.#check() });
    this.#firing = new Firing({ store, publish, clock, times: this.#times, idWindowMs, holder, random });
  }

  /** Starts the store, and fires from then on. */
  async start(): Promise<void> {
    await this.#options.store.start({
      onDue: (dueAt) => {
        if (dueAt < this.#armedFor) this.#check();
      },
      onFree: () => this.#keeper.tryNow(),
    });
    this.#isOpen = true;
    this.#wallOffset = this.#currentOffset();
    this.#keeper.start();
  }

  /** Whether this process fires the schedules. */
  get isActive(): boolean {
    return this.#keeper.token !== undefined;
  }

  /** Offers the lease to a scheduler that is not about to stop. Until one takes it, this one continues. */
  handOver(): void {
    this.#keeper.offer();
  }

  /** Finishes the present slice, and releases the lease. Idempotent. */
  async close(): Promise<void> {
    this.#isOpen = false;
    this.#timer?.cancel();
    await this.#checking;
    await this.#anchoring;
    await this.#keeper.close();
    await this.#options.store.close();
  }

  /** Fires due schedules. One check runs at a time. A request during a check starts another one after it. */
  #check(): void {
    if (!this.#isOpen || this.#keeper.token === undefined) return;
    if (this.#checking !== undefined) {
      this.#checksAgain = true;
      return;
    }
    this.#timer?.cancel();
    this.#checking = this.#fireDue().finally(() => {
      this.#checking = undefined;
      if (!this.#checksAgain) return;
      this.#checksAgain = false;
      this.#check();
    });
  }

  async #fireDue(): Promise<void> {
    try {
      this.#compareClock();
      while (this.#isOpen && (await this.#fireSlice())) await this.#turn();
    } catch (error) {
      this.#armedFor = Number.POSITIVE_INFINITY;
      this.#arm(maxWaitMs);
      if (error instanceof ServiceError) log().debug("Schedules cannot be fired now: {error}", { error });
      else log().error("Schedules could not be fired: {error}", { error });
    }
  }

  /** @returns whether more may be due */
  async #fireSlice(): Promise<boolean> {
    const { store, clock } = this.#options;
    const token = this.#keeper.token;
    if (token === undefined) return false;
    const now = clock.now();
    const { records, nextDueAt } = await store.read({ by: "due", until: now, limit: sliceSize });
    if (records.length > 0) {
      if (await this.#firing.fire(records, token)) return true;
      this.#keeper.lost();
      return false;
    }
    this.#armedFor = nextDueAt ?? Number.POSITIVE_INFINITY;
    this.#arm(this.#armedFor - clock.now());
    return false;
  }

  #arm(ms: number): void {
    this.#timer?.cancel();
    // If the due time is far away, the renewal of the lease causes the next check.
    if (this.#isOpen && ms <= maxWaitMs) {
      this.#timer = this.#options.clock.setTimeout(() => this.#check(), Math.max(0, ms));
    }
  }

  /** After the wall clock was set back, intervals would pause until it reaches the old time again. */
  #compareClock(): void {
    const { token } = this.#keeper;
    const offset = this.#currentOffset();
    const setBy = offset - this.#wallOffset;
    const isNew = token !== this.#comparedWith;
    if (!isNew && Math.abs(setBy) <= setByMs) return;
    if (Math.abs(setBy) > setByMs) log().warning("The clock was set by {seconds} s", { seconds: setBy / 1000 });
    this.#wallOffset = offset;
    this.#comparedWith = token;
    if (token === undefined || (!isNew && setBy > 0)) return;
    // Not awaited: with many schedules it takes seconds, in which others are due.
    this.#anchoring ??= reanchor({ ...this.#options, times: this.#times, token, turn: () => this.#turn() }).then(
      () => {
        this.#anchoring = undefined;
        this.#check();
      },
      (error: unknown) => {
        // The next check tries again, at the latest when the lease is renewed. Not now: a store that cannot be reached
        // would fail again at once.
        this.#anchoring = undefined;
        this.#comparedWith = undefined;
        log().debug("Could not compare the due times with the clock: {error}", { error });
      },
    );
  }

  #currentOffset(): number {
    const { clock } = this.#options;
    return clock.now() - clock.monotonic();
  }

  #turn(): Promise<void> {
    return new Promise((resolve) => void this.#options.clock.setImmediate(resolve));
  }
}

function log() {
  return getLogger(["fanfare", "schedule"]);
}
