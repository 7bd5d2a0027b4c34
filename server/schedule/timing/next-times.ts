import type { Definition, Schedule } from "../schedule.ts";
import { CronTimes } from "./cron.ts";

/** A definition with the time to which `delay` and `every` refer. */
export type Timed = Pick<Schedule, "definition" | "updatedAt">;

/** The last time that ISO 8601 writes with a year of four digits: 9999-12-31T23:59:59.999Z. */
const latest = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/** Computes when schedules fire. Stateless, except for caches. */
export class NextTimes {
  readonly #cron = new CronTimes();

  /** The time of the first occurrence after `after`, without jitter; undefined if there is none. */
  after({ definition, updatedAt }: Timed, after: number): number | undefined {
    const { startsAt, endsAt } = definition;
    const time = this.#next(definition, updatedAt, Math.max(after, (startsAt ?? 0) - 1));
    return time !== undefined && time <= Math.min(endsAt ?? latest, latest) ? time : undefined;
  }

  /** The next `count` occurrences from `first` on. */
  list(timed: Timed, first: number | null, count: number): readonly number[] {
    const times: number[] = [];
    for (let time = first ?? undefined; time !== undefined && times.length < count; time = this.after(timed, time)) {
      times.push(time);
    }
    return times;
  }

  /** The last occurrence in the time from `from` to `to`, both included. Looks back further and further from `to`. */
  lastBetween(timed: Timed, from: number, to: number): number | undefined {
    for (let back = 60_000; ; back *= 8) {
      const start = Math.max(from, to - back);
      let found: number | undefined;
      for (let time = this.after(timed, start - 1); time !== undefined && time <= to; time = this.after(timed, time)) {
        found = time;
      }
      if (found !== undefined || start === from) return found;
    }
  }

  #next({ timing, startsAt }: Definition, updatedAt: number, after: number): number | undefined {
    switch (timing.kind) {
      case "at":
        return timing.at > after ? timing.at : undefined;
      case "delay": {
        const at = updatedAt + timing.delayMs;
        return at > after ? at : undefined;
      }
      case "every": {
        // With a start time the first occurrence is the start itself, otherwise it is one interval away.
        const anchor = startsAt ?? updatedAt;
        const first = startsAt === null ? 1 : 0;
        const passed = Math.floor((after - anchor) / timing.everyMs) + 1;
        return anchor + Math.max(first, passed) * timing.everyMs;
      }
      case "cron":
        return this.#cron.next(timing.expression, timing.tz, after);
    }
  }
}

/** The delay of one occurrence: the same wherever it is computed, different for each occurrence. */
export function jitterOf({ id, definition: { jitterMs } }: Schedule, nominal: number): number {
  return jitterMs === 0 ? 0 : Bun.hash.crc32(`${id} ${nominal}`) % (jitterMs + 1);
}
