import { getLogger } from "@logtape/logtape";
import { everyone } from "../../protocol/channel-name.ts";
import type { Settings } from "../config/settings.ts";
import { backoff } from "../lib/backoff.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import type { Definition } from "../schedule/schedule.ts";
import type { Schedules } from "../schedule/schedules.ts";

/** The id of the schedule that NOTIFICATION_INTERVAL makes. */
export const notificationId = "$notification";

/** Makes the schedules of the settings those of the server, when it starts. All workers do, and the first one does the work. */
export class ConfiguredSchedules {
  readonly #settings: Settings;
  readonly #schedules: Schedules;
  readonly #clock: Clock;
  #retry: Timer | undefined;
  #failures = 0;
  #running: Promise<void> = Promise.resolve();
  #isOpen = false;

  constructor(settings: Settings, schedules: Schedules, clock: Clock) {
    this.#settings = settings;
    this.#schedules = schedules;
    this.#clock = clock;
  }

  start(): void {
    this.#isOpen = true;
    this.#running = this.#apply();
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#isOpen = false;
    this.#retry?.cancel();
    await this.#running;
  }

  async #apply(): Promise<void> {
    const { notificationIntervalMs: intervalMs, notificationMessage: message } = this.#settings;
    const notification = { id: notificationId, definition: notificationDefinition(intervalMs, message) };
    try {
      await this.#schedules.reconcile("setting", intervalMs === 0 ? [] : [notification]);
      await this.#schedules.reconcile("file", this.#settings.schedules);
    } catch (error) {
      getLogger(["fanfare", "schedule"]).warning("The schedules of the settings are not in place yet: {error}", {
        error,
      });
      if (this.#isOpen) this.#retry = this.#clock.setTimeout(() => this.start(), backoff(++this.#failures));
    }
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
