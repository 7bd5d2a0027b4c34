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
/** No longer than this without a look; a lost word of a new schedule costs no more. */
const maxWaitMs = 2000;

export interface SchedulerOptions {
  readonly store: ScheduleStore;
  readonly publish: PublishOccurrence;
  readonly clock: Clock;
  /** How long the broker remembers the id of a publication, milliseconds. */
  readonly idWindowMs: number;
  /** For people who look into the store: who has the lease. */
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
  #looking: Promise<void> | undefined;
  #looksAgain = false;
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
    this.#keeper = new LeaseKeeper({ store, clock, holder, random, onHeld: () => this.#look() });
    this.#firing = new Firing({ store, publish, clock, times: this.#times, idWindowMs, holder, random });
  }

  /** Starts the store, and fires from then on. */
  async start(): Promise<void> {
    await this.#options.store.start({
      onDue: (dueAt) => {
        if (dueAt < this.#armedFor) this.#look();
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

  /** Somebody else should take over, if there is anybody that is not about to stop too. Until then it goes on. */
  handOver(): void {
    this.#keeper.offer();
  }

  /** Finishes what it is firing, and lets somebody else take over. Idempotent. */
  async close(): Promise<void> {
    this.#isOpen = false;
    this.#timer?.cancel();
    await this.#looking;
    await this.#anchoring;
    await this.#keeper.close();
    await this.#options.store.close();
  }

  /** Fires what is due. One look runs at a time; a request during it makes another one follow. */
  #look(): void {
    if (!this.#isOpen || this.#keeper.token === undefined) return;
    if (this.#looking !== undefined) {
      this.#looksAgain = true;
      return;
    }
    this.#timer?.cancel();
    this.#looking = this.#fireDue().finally(() => {
      this.#looking = undefined;
      if (!this.#looksAgain) return;
      this.#looksAgain = false;
      this.#look();
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
    // Renewing the lease causes the next look if the due time is far away.
    if (this.#isOpen && ms <= maxWaitMs) {
      this.#timer = this.#options.clock.setTimeout(() => this.#look(), Math.max(0, ms));
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
        this.#look();
      },
      (error: unknown) => {
        // The next look tries again, at the latest when the lease is renewed. Not now: a store that is away fails at once.
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
