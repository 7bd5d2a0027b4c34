import { isoTimePattern, isoTimeRule } from "../../lib/iso-time.ts";
import { cronRule, tzRule } from "../../schedule/timing/cron.ts";
import { scheduleLimits } from "../schedule-limits.ts";
import { flag, type JsonSchema, list, object, text, time, whole } from "./json-schema.ts";
import { publishRequest } from "./publish.ts";
import { errorCode } from "./schemas.ts";
import { atField, delayField, seconds } from "./time-fields.ts";

export const scheduleId = text(`The id of the schedule: ${scheduleLimits.idRule}.`, {
  pattern: scheduleLimits.idPattern.source,
});

const isoTime = (description: string) => text(`${description}: ${isoTimeRule}.`, { pattern: isoTimePattern.source });

const timing = {
  at: atField,
  delay_s: delayField,
  every_s: seconds(
    "Publish at this interval. For intervals below a second, use your own timer.",
    scheduleLimits.everyS,
  ),
  cron: text(`Publish at the times of ${cronRule}.`, { minLength: 1, maxLength: 200 }),
};

const rules = {
  tz: text(`For cron: ${tzRule}.`, { default: "UTC" }),
  jitter_s: seconds("Publish with a random delay of up to this.", scheduleLimits.jitterS),
  max_runs: whole("Publish at most this many times.", { minimum: 1, maximum: scheduleLimits.runs.max }),
  starts_at: isoTime("Not before this time. An interval counts from it"),
  ends_at: isoTime("Not after this time"),
  catch_up: text(
    "Which missed occurrences to publish after an outage: none that are more than 30 s late, only the last, or all.",
    { enum: scheduleLimits.catchUps, default: "last" },
  ),
  catch_up_window_s: seconds("Occurrences that are later than this are not published.", scheduleLimits.catchUpWindowS),
};

const publishOnly: JsonSchema = withoutTimes(publishRequest);

export const scheduleRequest: JsonSchema = {
  additionalProperties: false,
  ...object(
    { publish: publishOnly },
    {
      id: scheduleId,
      ...timing,
      ...rules,
      paused: flag(
        "Whether it is paused. Without it, a new schedule is not paused, and an existing one stays as it is.",
      ),
    },
  ),
  oneOf: [{ required: ["at"] }, { required: ["delay_s"] }, { required: ["every_s"] }, { required: ["cron"] }],
};

const lastRun = object(
  {
    nominal: time("The time for which it was due."),
    fired_at: time("When it was over."),
    result: text(
      "`published`, `failed`, `missed` (later than the catch-up window) or `unknown` (interrupted for so long that the server cannot know whether it was published).",
      { enum: ["published", "failed", "missed", "unknown"] },
    ),
    published: whole("How many channels or users it was published to."),
  },
  { error: object({ code: errorCode, message: text("What was wrong, for people.") }) },
);

export const scheduleSchema: JsonSchema = {
  description: "A schedule, with its state. The fields of the request have the values that apply.",
  ...object(
    {
      id: text("The id of the schedule. Ids that begin with `$` belong to the server."),
      revision: whole("Grows by one with each change of the publication or its times.", { minimum: 1 }),
      state: text("Whether it fires.", { enum: ["active", "paused", "finished"] }),
      origin: text("`api`, `file` (the settings file) or `setting` (NOTIFICATION_INTERVAL).", {
        enum: ["api", "file", "setting"],
      }),
      durable: flag("Whether a restart of the server keeps it."),
      next: list("The next times, at most five, without jitter.", time("A time."), { maxItems: 5 }),
      last: { anyOf: [lastRun, { type: "null" }], description: "The result of the last one." },
      runs: whole("How often this revision has been published."),
      catch_up: rules.catch_up,
      catch_up_window_s: rules.catch_up_window_s,
      created_at: time("When it was created."),
      updated_at: time("When this revision was made."),
    },
    {
      publish: {
        ...publishOnly,
        description: "The publication. Absent if the key lacks the scope `read` and did not send it.",
      },
      ...timing,
      tz: rules.tz,
      jitter_s: rules.jitter_s,
      max_runs: rules.max_runs,
      starts_at: rules.starts_at,
      ends_at: rules.ends_at,
    },
  ),
};

/** The response to a publish request with `at` or `delay_s`. */
export const scheduledSchema: JsonSchema = {
  ...scheduleSchema,
  description: "The schedule of a message that is published later.",
  properties: {
    ...scheduleSchema.properties,
    duplicate: flag("Whether an earlier request with this id has scheduled it; the schedule is that of the first one."),
  },
  required: [...(scheduleSchema.required ?? []), "duplicate"],
};

/** A publish request inside a schedule, which says itself when. */
function withoutTimes(schema: JsonSchema): JsonSchema {
  const { at: _at, delay_s: _delay, ...properties } = schema.properties ?? {};
  return { ...schema, description: "The publication, like the body of POST /v1/publish.", properties };
}
