import { topicPrefix } from "../../lib/redis/topic-prefix.ts";

/** The names of the schedules in Redis. All are in one hash slot, because one script changes several of them. */
export interface ScheduleKeys {
  /** Hash: id → `version dueAt text`; see write.lua. */
  readonly records: string;
  /** Sorted set: ids by due time. */
  readonly due: string;
  /** Sorted set: all ids with the same score, for lists by name. */
  readonly names: string;
  /** Hash: `version`, `bytes`, `token`. */
  readonly counters: string;
  /** Hash that expires: `holder`, `token`, `offered`. */
  readonly lease: string;
  readonly topic: string;
}

/** `fanfare/{schedules}:records`. Keys of channels have a colon in place of the slash. @param db the number of the database */
export function scheduleKeys(prefix: string, db: number): ScheduleKeys {
  const base = `${prefix}/{schedules}`;
  return {
    records: `${base}:records`,
    due: `${base}:due`,
    names: `${base}:names`,
    counters: `${base}:counters`,
    lease: `${base}:lease`,
    topic: `${topicPrefix(prefix, db)}/{schedules}`,
  };
}
