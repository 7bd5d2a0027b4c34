import { isDots } from "../../protocol/channel-name.ts";
import { ServiceError } from "../../protocol/errors.ts";
import * as fields from "../../protocol/fields.ts";
import { memberText, memberTexts, onOneLine } from "../../protocol/json-text.ts";
import { KnownFields } from "../../protocol/known-fields.ts";
import type { JsonText } from "../../protocol/publication.ts";
import { isoTimeRule, parseIsoTime } from "../lib/iso-time.ts";
import { refuseUnknownNames } from "../lib/unknown-names.ts";
import type { CatchUp, Definition, Timing } from "../schedule/schedule.ts";
import { cronProblem, isTimeZone, tzRule } from "../schedule/timing/cron.ts";
import { scheduleRequest } from "./about/schedule-schemas.ts";
import { knownPublishFields, type PublishRequest, parsePublishRequest, timeFields } from "./publish-request.ts";
import { scheduleLimits } from "./schedule-limits.ts";

/** A schedule as a request or the settings file describes it. */
export interface ScheduleRequest {
  /** Undefined: the server chooses one. */
  readonly id: string | undefined;
  readonly definition: Definition;
  readonly isPaused: boolean | undefined;
  /** What `definition.publish` says. */
  readonly publish: PublishRequest;
}

/**
 * Parses a schedule.
 * @param text the JSON text of the object
 * @throws ServiceError "invalid-field" that names field and rule
 */
export function parseScheduleRequest(object: fields.Fields, text: string): ScheduleRequest {
  refuseUnknownNames(fields.unknownIn(object), scheduleFields, "field");
  const timing = parseTiming(object);
  const publishText = memberText(text, "publish");
  const publish = parsePublish(object.publish, timing);
  return {
    id: isGiven(object.id) ? parseScheduleId(object.id) : undefined,
    definition: { publish: storedText(memberTexts(publishText ?? "{}")), timing, ...parseRules(object, timing) },
    isPaused: isGiven(object.paused) ? fields.optionalSwitch(object, "paused", false) : undefined,
    publish,
  };
}

/**
 * The part of a publish request that a schedule keeps, as JSON text: `data` unchanged, and everything else without white
 * space. Otherwise a megabyte of spaces around a short message would count towards SCHEDULE_BYTES.
 */
export function storedText(members: ReadonlyMap<string, JsonText>): JsonText {
  const texts = Array.from(members, ([name, text]) => {
    const kept = name === "data" ? onOneLine(text) : JSON.stringify(JSON.parse(text));
    return `${JSON.stringify(name)}:${kept}`;
  });
  return `{${texts.join(",")}}`;
}

/** @throws ServiceError "invalid-field" */
export function parseScheduleId(value: unknown): string {
  if (typeof value === "string" && scheduleLimits.idPattern.test(value) && !isDots(value)) return value;
  throw fields.invalid("id", scheduleLimits.idRule, value);
}

/** The definition of a schedule that publishes once, from a publish request with `at` or `delay_s`. */
export function onceDefinition(object: fields.Fields, publish: JsonText): Definition {
  const timing = parseTiming(object);
  return { publish, timing, ...parseRules({}, timing) };
}

const scheduleFields = Object.keys(scheduleRequest.properties ?? {});
/** For `parseObject`. */
export const knownScheduleFields = new KnownFields(scheduleFields, new Map([["publish", knownPublishFields]]));
const timingFields = ["at", "delay_s", "every_s", "cron"] as const;

function parsePublish(value: unknown, { kind }: Timing): PublishRequest {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw fields.invalid("publish", "an object as POST /v1/publish takes it", value);
  }
  const object = value as fields.Fields;
  for (const field of timeFields) {
    if (isGiven(object[field]))
      throw fields.invalid(`publish.${field}`, "no value: the schedule says when", object[field]);
  }
  if (isGiven(object.id) && kind !== "at" && kind !== "delay") {
    throw fields.invalid("publish.id", "no value: each occurrence gets an id of its own", object.id);
  }
  try {
    return parsePublishRequest(object);
  } catch (error) {
    if (!(error instanceof ServiceError) || error.field === undefined) throw error;
    throw new ServiceError(error.code, `publish: ${error.message}`, { field: `publish.${error.field}`, cause: error });
  }
}

function parseTiming(object: fields.Fields): Timing {
  const given = timingFields.filter((field) => isGiven(object[field]));
  const [field] = given;
  if (field === undefined || given.length > 1) {
    const got = given.length === 0 ? undefined : given.join(" and ");
    throw fields.invalid("at", "one of at, delay_s, every_s or cron", got);
  }
  if (isGiven(object.tz) && field !== "cron") throw fields.invalid("tz", "no value without cron", object.tz);
  if (field === "at") return { kind: "at", at: timeField(object, "at") };
  if (field === "delay_s") return { kind: "delay", delayMs: secondsField(object, field, scheduleLimits.delayS) };
  if (field === "every_s") return { kind: "every", everyMs: secondsField(object, field, scheduleLimits.everyS) };
  return parseCron(object);
}

function parseCron({ cron, tz = "UTC" }: fields.Fields): Timing {
  const problem = typeof cron === "string" ? cronProblem(cron) : "a cron expression";
  if (typeof cron !== "string" || problem !== undefined) throw fields.invalid("cron", problem ?? "", cron);
  const zone = tz ?? "UTC";
  if (typeof zone !== "string" || !isTimeZone(zone)) throw fields.invalid("tz", tzRule, zone);
  return { kind: "cron", expression: cron.trim(), tz: zone };
}

function parseRules(object: fields.Fields, timing: Timing): Omit<Definition, "publish" | "timing"> {
  const isOnce = timing.kind === "at" || timing.kind === "delay";
  for (const field of ["max_runs", "starts_at", "ends_at"]) {
    if (isOnce && isGiven(object[field])) {
      throw fields.invalid(field, "no value with at or delay_s, which fire once", object[field]);
    }
  }
  const jitterMs = isGiven(object.jitter_s) ? secondsField(object, "jitter_s", scheduleLimits.jitterS) : 0;
  if (timing.kind === "every" && jitterMs > timing.everyMs) {
    throw fields.invalid("jitter_s", "at most every_s", object.jitter_s);
  }
  const startsAt = isGiven(object.starts_at) ? timeField(object, "starts_at") : null;
  const endsAt = isGiven(object.ends_at) ? timeField(object, "ends_at") : null;
  if (startsAt !== null && endsAt !== null && endsAt < startsAt) {
    throw fields.invalid("ends_at", "a time that is not before starts_at", object.ends_at);
  }
  return {
    jitterMs,
    maxRuns: isGiven(object.max_runs) ? runsField(object.max_runs) : null,
    startsAt,
    endsAt,
    catchUp: catchUpField(object.catch_up),
    catchUpWindowMs: isGiven(object.catch_up_window_s)
      ? secondsField(object, "catch_up_window_s", scheduleLimits.catchUpWindowS)
      : scheduleLimits.catchUpWindowS.default * 1000,
  };
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function timeField(object: fields.Fields, field: string): number {
  const value = object[field];
  const time = typeof value === "string" ? parseIsoTime(value) : undefined;
  if (time === undefined) throw fields.invalid(field, isoTimeRule, value);
  return time;
}

/** @returns milliseconds */
function secondsField(object: fields.Fields, field: string, { min, max }: { min: number; max: number }): number {
  const value = object[field];
  if (typeof value === "number" && value >= min && value <= max) return Math.round(value * 1000);
  throw fields.invalid(field, `a number of seconds from ${min} to ${max}`, value);
}

function runsField(value: unknown): number {
  const { max } = scheduleLimits.runs;
  if (typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw fields.invalid("max_runs", `a whole number from 1 to ${max}`, value);
}

function catchUpField(value: unknown): CatchUp {
  if (!isGiven(value)) return "last";
  const word = scheduleLimits.catchUps.find((it) => it === value);
  if (word === undefined) throw fields.invalid("catch_up", "skip, last or all", value);
  return word;
}
