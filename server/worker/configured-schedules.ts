import { getLogger } from "@logtape/logtape";
import { everyone } from "../../protocol/channel-name.ts";
import { ServiceError } from "../../protocol/errors.ts";
import type { Settings } from "../config/settings.ts";
import { backoff } from "../lib/backoff.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import type { Definition } from "../schedule/schedule.ts";
import type { Scheduler } from "../schedule/scheduler.ts";
import type { Schedules } from "../schedule/schedules.ts";

/** The id of the schedule that NOTIFICATION_INTERVAL makes. */
export const notificationId = "$notification";

/** How often the worker that fires the schedules looks whether they are still there, milliseconds. */
const checkMs = 5000;

/** The settings that this class uses. */
export type ScheduleSettings = Pick<Settings, "notificationIntervalMs" | "notificationMessage" | "schedules">;

export interface ConfiguredSchedulesOptions {
  readonly schedules: Pick<Schedules, "reconcile" | "haveAll">;
  readonly scheduler: Pick<Scheduler, "isActive">;
  readonly clock: Clock;
}

/**
 * Makes the schedules of the settings those of the server when it starts. All workers do, and the first one does the work.
 * They are made again after the store has lost them, such as a Redis that restarted without its data.
 */
export class ConfiguredSchedules {
  readonly #settings: ScheduleSettings;
  readonly #options: ConfiguredSchedulesOptions;
  #timer: Timer | undefined;
  #failures = 0;
  #running: Promise<void> = Promise.resolve();
  #isOpen = false;

  constructor(settings: ScheduleSettings, options: ConfiguredSchedulesOptions) {
    this.#settings = settings;
    this.#options = options;
  }

  start(): void {
    this.#isOpen = true;
    this.#run(() => this.#apply());
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#isOpen = false;
    this.#timer?.cancel();
    await this.#running;
  }

  #run(work: () => Promise<void>): void {
    this.#running = work().then(
      () => {
        this.#failures = 0;
        this.#later(() => this.#check(), checkMs);
      },
      (error: unknown) => {
        // The stack of an expected error is of no use.
        const reason = error instanceof ServiceError ? error.message : error;
        if (this.#failures++ === 0)
          log().warning("The schedules of the settings file could not be applied: {reason}", { reason });
        this.#later(() => this.#apply(), backoff(this.#failures));
      },
    );
  }

  #later(work: () => Promise<void>, ms: number): void {
    if (this.#isOpen) this.#timer = this.#options.clock.setTimeout(() => this.#run(work), ms);
  }

  async #check(): Promise<void> {
    const { schedules, scheduler } = this.#options;
    if (!scheduler.isActive) return;
    const ids = [...this.#ofSetting(), ...this.#settings.schedules].map(({ id }) => id);
    if (!(await schedules.haveAll(ids))) await this.#apply();
  }

  async #apply(): Promise<void> {
    const { schedules } = this.#options;
    await schedules.reconcile("setting", this.#ofSetting());
    await schedules.reconcile("file", this.#settings.schedules);
  }

  #ofSetting() {
    const { notificationIntervalMs: intervalMs, notificationMessage: message } = this.#settings;
    return intervalMs === 0 ? [] : [{ id: notificationId, definition: notificationDefinition(intervalMs, message) }];
  }
}

/** At multiples of the interval since 1970, so that it does not depend on when a server starts. */
function notificationDefinition(everyMs: number, message: string): Definition {
  return {
    publish: JSON.stringify({ channel: everyone, message }),
    timing: { kind: "every", everyMs },
    jitterMs: 0,
    maxRuns: null,
    startsAt: 0,
    endsAt: null,
    catchUp: "skip",
    catchUpWindowMs: 0,
  };
}

function log() {
  return getLogger(["fanfare", "schedule"]);
}
