import type { Firing, LastRun, Schedule } from "./schedule.ts";
import { finishedMs } from "./schedule.ts";
import { jitterOf, type NextTimes } from "./timing/next-times.ts";

/** An occurrence that is later than this was missed. A lease that changes hands takes less. */
export const onTimeMs = 30_000;
/** The part of the idempotency window in which an interrupted occurrence is published again. */
const windowShare = 0.75;

/** The next step for a schedule that is due. */
export type Step =
  | { readonly step: "fire"; readonly firing: Firing }
  /** The occurrence is given up, or further ones are skipped. */
  | { readonly step: "change"; readonly schedule: Schedule }
  | { readonly step: "remove" };

export interface PlanContext {
  readonly now: number;
  readonly times: NextTimes;
  readonly idWindowMs: number;
  /** This scheduler, and its fencing token. */
  readonly by: string;
  readonly token: number;
  /** Whether this scheduler knows that it has not tried to publish the occurrence that it recorded as firing. */
  isUntried(schedule: Schedule, nominal: number): boolean;
}

/** Decides what to do with a schedule. Changes nothing. */
export function plan(schedule: Schedule, context: PlanContext): Step {
  const { now } = context;
  const { finishedAt, firing, next, isPaused } = schedule;
  if (firing !== null) return planInterrupted(schedule, firing, context);
  if (finishedAt !== null) {
    return now >= finishedAt + finishedMs ? { step: "remove" } : { step: "change", schedule };
  }
  if (isPaused || next === null || next + jitterOf(schedule, next) > now) return { step: "change", schedule };
  return planDue(schedule, next, context);
}

/** The time until which an occurrence may be published. */
export function deadlineOf({ definition: { catchUp, catchUpWindowMs, jitterMs } }: Schedule, nominal: number): number {
  return nominal + jitterMs + (catchUp === "skip" ? onTimeMs : Math.max(onTimeMs, catchUpWindowMs));
}

/** The time until which an occurrence that was begun may be published again: later its id may be forgotten. */
export function retryUntil({ since }: Firing, idWindowMs: number): number {
  return since + idWindowMs * windowShare;
}

/** The schedule after an occurrence is over. */
export function afterOccurrence(schedule: Schedule, last: LastRun, times: NextTimes): Schedule {
  const { definition, runs } = schedule;
  const done = runs + 1;
  const isLast = definition.maxRuns !== null && done >= definition.maxRuns;
  const next = isLast ? undefined : times.after(schedule, last.nominal);
  return withNext({ ...schedule, runs: done, firing: null, last }, next, last.firedAt);
}

/** The schedule with another next occurrence; without one it is finished. */
export function withNext(schedule: Schedule, next: number | undefined, now: number): Schedule {
  return { ...schedule, next: next ?? null, finishedAt: next === undefined ? now : null };
}

function planDue(schedule: Schedule, next: number, context: PlanContext): Step {
  const { now, times } = context;
  const { catchUp, jitterMs } = schedule.definition;
  // With a short interval or a long jitter, further ones may be due already. None of them replaces one that is on time.
  if (now <= next + jitterMs + onTimeMs) return begin(next, context);
  const isLatest = (times.after(schedule, next) ?? Number.POSITIVE_INFINITY) > now;
  if ((isLatest || catchUp === "all") && now <= deadlineOf(schedule, next)) return begin(next, context);
  const nominal = caughtUp(schedule, next, context);
  if (nominal !== undefined && nominal + jitterOf(schedule, nominal) <= now) return begin(nominal, context);
  // Nothing that is due may be published any more.
  const last: LastRun = { nominal: next, firedAt: now, result: "missed", published: 0, error: null };
  return { step: "change", schedule: withNext({ ...schedule, last }, nominal ?? times.after(schedule, now), now) };
}

/** The occurrence to continue with after an outage, among those that are due; undefined if all were missed. */
function caughtUp(schedule: Schedule, next: number, { now, times }: PlanContext): number | undefined {
  const earliest = Math.max(next, now - (deadlineOf(schedule, 0) - schedule.definition.jitterMs));
  if (schedule.definition.catchUp !== "all") return times.lastBetween(schedule, earliest, now);
  const first = times.after(schedule, earliest - 1);
  return first !== undefined && first <= now ? first : undefined;
}

/** An occurrence was begun, and it is not known to be over. */
function planInterrupted(schedule: Schedule, firing: Firing, context: PlanContext): Step {
  const { now, idWindowMs, by, times } = context;
  const isUntried = firing.by === by && context.isUntried(schedule, firing.nominal);
  if (isUntried || now <= retryUntil(firing, idWindowMs)) return begin(firing.nominal, context, firing);
  // It may have been published so long ago that the same id would be stored again.
  const last: LastRun = {
    nominal: firing.nominal,
    firedAt: firing.since,
    result: "unknown",
    published: 0,
    error: null,
  };
  return { step: "change", schedule: afterOccurrence(schedule, last, times) };
}

function begin(nominal: number, { now, by, token }: PlanContext, before?: Firing): Step {
  const { since = now, attempts = 0, remaining = null, failed = 0 } = before ?? {};
  return { step: "fire", firing: { nominal, by, token, since, attempts: attempts + 1, remaining, failed } };
}
