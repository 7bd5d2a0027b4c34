import type { Settings } from "../config/settings.ts";

/**
 * The settings of the parts that survive a roll: the port, the supervisor's own port, the history and the schedules. By
 * their names for people.
 */
const fixed = {
  host: "HOST",
  port: "PORT",
  opsPort: "OPS_PORT",
  dataDir: "DATA_DIR",
  redisUrl: "REDIS_URL",
  redisPrefix: "REDIS_PREFIX",
  historyBytesTotal: "HISTORY_BYTES_TOTAL",
  idempotencyWindowMs: "IDEMPOTENCY_WINDOW",
  idempotencyBytes: "IDEMPOTENCY_BYTES",
  maxSchedules: "MAX_SCHEDULES",
  scheduleBytes: "SCHEDULE_BYTES",
} as const satisfies Partial<Record<keyof Settings, string>>;

/** The names of changed settings that need a restart. */
export function fixedChanges(before: Settings, after: Settings): readonly string[] {
  const changed = (Object.keys(fixed) as (keyof typeof fixed)[]).filter((key) => before[key] !== after[key]);
  const names: string[] = changed.map((key) => fixed[key]);
  // Without a supervisor there is nobody to start the new process.
  return after.workers === undefined ? [...names, "WORKERS"] : names;
}
