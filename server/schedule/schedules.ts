import { ServiceError } from "../../protocol/errors.ts";
import type { Clock } from "../lib/clock.ts";
import { randomId } from "../lib/random-id.ts";
import type { PublishOccurrence } from "./occurrence.ts";
import { withNext } from "./plan.ts";
import { parseRecord, type Versioned, writeOf } from "./record-text.ts";
import { type Definition, justPassedMs, type LastRun, type Origin, type Schedule, triggerId } from "./schedule.ts";
import type { ScheduleStore, WriteOutcome } from "./schedule-store.ts";
import { NextTimes } from "./timing/next-times.ts";

/** How many times a change is tried again after a conflict with another one. */
const maxTries = 20;

export interface SchedulesOptions {
  readonly store: ScheduleStore;
  readonly publish: PublishOccurrence;
  readonly clock: Clock;
}

/** A schedule to create or to replace. */
export interface Wanted {
  readonly id: string;
  readonly definition: Definition;
  readonly origin: Origin;
  /** Undefined leaves it as it is; a new schedule is not paused. */
  readonly isPaused?: boolean | undefined;
  /** `keep`: if there is one with this id, it stays as it is. */
  readonly existing?: "replace" | "keep";
}

/** Changes a schedule. Returns the new one, or whether it was removed or stays as it is. */
type Change = (current: Schedule | undefined) => Schedule | "removed" | "unchanged";

/** Creates, lists and changes schedules. Any worker can; the one with the lease fires them. */
export class Schedules {
  readonly times = new NextTimes();
  readonly #options: SchedulesOptions;

  constructor(options: SchedulesOptions) {
    this.#options = options;
  }

  /** Whether a restart of the server keeps what is created. */
  get isDurable(): boolean {
    return this.#options.store.isDurable;
  }

  /**
   * Creates a schedule, or replaces the one with this id. An equal definition changes nothing.
   * @throws ServiceError "too-many-schedules", "invalid-field" if it would never fire, "forbidden"
   */
  async put(wanted: Wanted): Promise<{ readonly schedule: Schedule; readonly isNew: boolean }> {
    let isNew = false;
    const schedule = await this.#change(wanted.id, (current) => {
      isNew = current === undefined;
      if (current === undefined) return this.#made(wanted);
      if (wanted.existing === "keep") return "unchanged";
      checkOrigin(current, wanted.origin);
      return this.#replaced(current, wanted);
    });
    if (schedule === undefined) throw new Error("a schedule that was written is gone");
    return { schedule, isNew };
  }

  /** @throws ServiceError "not-found" */
  async get(id: string): Promise<Schedule> {
    const found = await this.#find(id);
    if (found === undefined) throw notFound(id);
    return found.schedule;
  }

  /** Those whose id begins with the prefix and comes after `after`, in order. It may be fewer than `limit`, but not none. */
  async list(prefix: string, after: string, limit: number): Promise<readonly Schedule[]> {
    const { records } = await this.#options.store.read({ by: "name", prefix, after, limit });
    return records.flatMap((record) => parseRecord(record)?.schedule ?? []);
  }

  /** @throws ServiceError "not-found", "forbidden" */
  async remove(id: string, origin: Origin = "api"): Promise<void> {
    await this.#change(id, (current) => {
      checkOrigin(existing(id, current), origin);
      return "removed";
    });
  }

  /** It does not fire until it is resumed. @throws ServiceError "not-found" */
  pause(id: string): Promise<Schedule> {
    return this.#changeExisting(id, (it) => (it.isPaused ? it : { ...it, isPaused: true }));
  }

  /**
   * Occurrences in the meantime are not published, except for a schedule that fires once. @throws ServiceError "not-found"
   */
  resume(id: string): Promise<Schedule> {
    return this.#changeExisting(id, (it) => {
      if (!it.isPaused) return it;
      const now = this.#options.clock.now();
      const resumed = { ...it, isPaused: false };
      if (it.finishedAt !== null || isOnce(it) || it.next === null || it.next > now) return resumed;
      return withNext(resumed, this.times.after(it, now), now);
    });
  }

  /**
   * Publishes it now, in addition to its times. Paused and finished ones too.
   * @param key a request with the same key publishes once
   * @throws ServiceError "not-found"
   */
  async trigger(id: string, key: string = randomId(12)): Promise<Schedule> {
    const { clock, publish } = this.#options;
    const schedule = await this.get(id);
    const nominal = clock.now();
    const { total, remaining, failed, error } = await publish({
      publish: schedule.definition.publish,
      id: triggerId(schedule, key),
      allowsOwnId: false,
      only: null,
    });
    const published = total - remaining.length - failed;
    if (published === 0 && error !== null) throw new ServiceError(error.code, error.message);
    const last: LastRun = { nominal, firedAt: clock.now(), result: "published", published, error };
    return this.#changeExisting(id, (it) => ({ ...it, last }));
  }

  /** Whether all of these exist. */
  async haveAll(ids: readonly string[]): Promise<boolean> {
    if (ids.length === 0) return true;
    let left = ids;
    // An answer is cut by its size.
    for (let found = 1; left.length > 0 && found > 0; left = left.slice(found)) {
      const { records } = await this.#options.store.read({ by: "id", ids: left });
      found = records.length;
      if (records.some(({ id }, at) => id !== left[at])) return false;
    }
    return left.length === 0;
  }

  /** Makes the schedules of one origin those of the settings: creates, replaces and removes them. */
  async reconcile(origin: Origin, wanted: readonly Omit<Wanted, "origin">[]): Promise<void> {
    for (const it of wanted) await this.put({ ...it, origin });
    const ids = new Set(wanted.map(({ id }) => id));
    for (let after = ""; ; ) {
      const { records } = await this.#options.store.read({ by: "name", prefix: "", after, limit: 500 });
      const last = records.at(-1);
      if (last === undefined) return;
      for (const record of records) {
        // Most records need not be parsed.
        if (ids.has(record.id) || !record.text.includes(`"origin":"${origin}"`)) continue;
        if (parseRecord(record)?.schedule.origin === origin) await this.#change(record.id, () => "removed");
      }
      after = last.id;
    }
  }

  #made({ id, definition, origin, isPaused = false }: Wanted): Schedule {
    const now = this.#options.clock.now();
    const base: Schedule = {
      id,
      // A schedule of the settings keeps its ids when a server without a durable store starts again.
      life: origin === "api" ? randomId(4) : origin,
      revision: 1,
      origin,
      definition,
      createdAt: now,
      updatedAt: now,
      isPaused,
      runs: 0,
      next: null,
      firing: null,
      last: null,
      finishedAt: null,
    };
    return this.#withFirst(base, now);
  }

  #replaced(current: Schedule, { definition, origin, isPaused = current.isPaused }: Wanted): Schedule | "unchanged" {
    if (JSON.stringify(current.definition) === JSON.stringify(definition)) {
      return isPaused === current.isPaused && origin === current.origin
        ? "unchanged"
        : { ...current, isPaused, origin };
    }
    const now = this.#options.clock.now();
    const revision = current.revision + 1;
    return this.#withFirst(
      { ...current, definition, origin, revision, isPaused, updatedAt: now, runs: 0, firing: null },
      now,
    );
  }

  #withFirst(schedule: Schedule, now: number): Schedule {
    const { timing } = schedule.definition;
    // A delay of 0 is due now.
    const next = timing.kind === "at" ? timing.at : this.times.after(schedule, timing.kind === "delay" ? now - 1 : now);
    if (schedule.origin === "api" && (next === undefined || next < now - justPassedMs)) {
      throw neverFires(schedule.definition, this.times.after(withoutEnd(schedule), now) !== undefined);
    }
    return withNext(schedule, next, now);
  }

  #changeExisting(id: string, change: (current: Schedule) => Schedule): Promise<Schedule> {
    return this.#change(id, (current) => {
      const before = existing(id, current);
      const after = change(before);
      return after === before ? "unchanged" : after;
    }).then((it) => existing(id, it));
  }

  /** Applies a change to the current version, again if another change came first. */
  async #change(id: string, change: Change): Promise<Schedule | undefined> {
    for (let tries = 0; tries < maxTries; tries++) {
      const current = await this.#find(id);
      const changed = change(current?.schedule);
      if (changed === "unchanged") return current?.schedule;
      const expected = current?.version ?? 0;
      const write = changed === "removed" ? { id, expected, record: null } : writeOf(changed, expected);
      const [outcome] = await this.#options.store.write([write]);
      if (outcome?.outcome === "full") throw tooMany(outcome);
      if (outcome?.outcome === "written") return changed === "removed" ? undefined : changed;
    }
    const message = `the schedule ${JSON.stringify(id)} is being changed by others all the time; try again`;
    throw new ServiceError("broker-unavailable", message, { retryAfterMs: 1000 });
  }

  async #find(id: string): Promise<Versioned | undefined> {
    const { records } = await this.#options.store.read({ by: "id", ids: [id] });
    const [record] = records;
    return record === undefined ? undefined : parseRecord(record);
  }
}

function isOnce({ definition: { timing } }: Schedule): boolean {
  return timing.kind === "at" || timing.kind === "delay";
}

function existing(id: string, schedule: Schedule | undefined): Schedule {
  if (schedule === undefined) throw notFound(id);
  return schedule;
}

function notFound(id: string): ServiceError {
  return new ServiceError("not-found", `there is no schedule ${JSON.stringify(id)}`);
}

/** A change over HTTP would be undone at the next start. */
function checkOrigin({ id, origin }: Schedule, by: Origin): void {
  if (by !== "api" || origin === "api") return;
  const place =
    origin === "file"
      ? "defined in the settings file: change it there"
      : "set by NOTIFICATION_INTERVAL: change it there";
  throw new ServiceError("forbidden", `the schedule ${JSON.stringify(id)} is ${place}`);
}

function tooMany({ limit }: Extract<WriteOutcome, { outcome: "full" }>): ServiceError {
  const [what, option] =
    limit === "count" ? ["the number of schedules", "MAX_SCHEDULES"] : ["the size of all schedules", "SCHEDULE_BYTES"];
  return new ServiceError("too-many-schedules", `${what} has reached its limit: delete some, or raise ${option}`);
}

function withoutEnd(schedule: Schedule): Schedule {
  return { ...schedule, definition: { ...schedule.definition, endsAt: null } };
}

/** @param endsTooEarly without its end it would fire */
function neverFires({ timing, endsAt }: Definition, endsTooEarly: boolean): ServiceError {
  const refuse = (field: string, rule: string, got: string) =>
    new ServiceError("invalid-field", `${field}: expected ${rule}, got ${got}`, { field });
  if (timing.kind === "at") return refuse("at", "a time in the future", new Date(timing.at).toISOString());
  if (endsAt !== null && endsTooEarly)
    return refuse("ends_at", "a time after the first occurrence", new Date(endsAt).toISOString());
  const got = timing.kind === "cron" ? JSON.stringify(timing.expression) : "one that never fires";
  return refuse("cron", "an expression that fires again", got);
}
