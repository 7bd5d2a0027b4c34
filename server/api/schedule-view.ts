import { isoTime, present } from "../../protocol/codec.ts";
import type { JsonText } from "../../protocol/publication.ts";
import type { Schedule } from "../schedule/schedule.ts";
import type { Schedules } from "../schedule/schedules.ts";

/** How many of the next times are shown. */
const nextTimes = 5;

/** Optional parts of a view. */
export interface ViewOptions {
  /** Whether it shows what is published. */
  readonly hasContent: boolean;
  /** For a scheduled publication: whether an earlier request created the schedule. */
  readonly duplicate?: boolean;
}

/** A schedule as the HTTP API shows it. The publication is passed on as the text that was received. */
export function viewOf(
  schedule: Schedule,
  { times, isDurable }: Pick<Schedules, "times" | "isDurable">,
  { hasContent, duplicate }: ViewOptions,
): JsonText {
  const { id, revision, origin, definition, last, runs, createdAt, updatedAt } = schedule;
  const next = schedule.isPaused ? [] : times.list(schedule, schedule.next, leftOf(schedule));
  const head = JSON.stringify({
    id,
    revision,
    state: stateOf(schedule),
    origin,
    durable: isDurable,
    ...timingOf(schedule),
    ...rulesOf(schedule),
    next: next.map(isoTime),
    last: last && {
      nominal: isoTime(last.nominal),
      fired_at: isoTime(last.firedAt),
      result: last.result,
      published: last.published,
      ...present({ error: last.error ?? undefined }),
    },
    runs,
    created_at: isoTime(createdAt),
    updated_at: isoTime(updatedAt),
    ...present({ duplicate }),
  });
  return !hasContent ? head : `${head.slice(0, -1)},"publish":${definition.publish}}`;
}

function stateOf({ finishedAt, isPaused }: Schedule): "active" | "paused" | "finished" {
  if (finishedAt !== null) return "finished";
  return isPaused ? "paused" : "active";
}

/** How many times are left to show. */
function leftOf({ definition: { maxRuns }, runs }: Schedule): number {
  return maxRuns === null ? nextTimes : Math.min(nextTimes, maxRuns - runs);
}

function timingOf({ definition: { timing } }: Schedule) {
  switch (timing.kind) {
    case "at":
      return { at: isoTime(timing.at) };
    case "delay":
      return { delay_s: timing.delayMs / 1000 };
    case "every":
      return { every_s: timing.everyMs / 1000 };
    case "cron":
      return { cron: timing.expression, tz: timing.tz };
  }
}

function rulesOf({ definition }: Schedule) {
  const { jitterMs, maxRuns, startsAt, endsAt, catchUp, catchUpWindowMs } = definition;
  return {
    ...present({
      jitter_s: jitterMs === 0 ? undefined : jitterMs / 1000,
      max_runs: maxRuns ?? undefined,
      starts_at: startsAt === null ? undefined : isoTime(startsAt),
      ends_at: endsAt === null ? undefined : isoTime(endsAt),
    }),
    catch_up: catchUp,
    catch_up_window_s: catchUpWindowMs / 1000,
  };
}
