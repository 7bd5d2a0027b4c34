import { type About, json, type Parameter } from "./about.ts";
import { object, text } from "./json-schema.ts";
import { scheduleId, scheduleRequest } from "./schedule-schemas.ts";
import { pageOf, ref } from "./schemas.ts";

const id: Parameter = {
  name: "id",
  in: "path",
  required: true,
  description: "The id of the schedule.",
  schema: { type: "string", minLength: 1 },
  example: "daily-report",
};

const example = {
  id: "daily-report",
  revision: 1,
  state: "active",
  origin: "api",
  durable: true,
  cron: "0 9 * * MON-FRI",
  tz: "Europe/London",
  catch_up: "last",
  catch_up_window_s: 3600,
  next: ["2026-11-23T09:00:00.000Z", "2026-11-24T09:00:00.000Z"],
  last: {
    nominal: "2026-11-20T09:00:00.000Z",
    fired_at: "2026-11-20T09:00:00.004Z",
    result: "published",
    published: 1,
  },
  runs: 3,
  created_at: "2026-11-17T10:30:25.123Z",
  updated_at: "2026-11-17T10:30:25.123Z",
  publish: { channel: "reports", message: "The report is ready" },
};

const daily = {
  publish: { channel: "reports", message: "The report is ready" },
  cron: "0 9 * * MON-FRI",
  tz: "Europe/London",
};

const one = json(ref("Schedule"), { one: example });
const withoutRead = "A key without the scope `read` gets the schedule without `publish`.";
const written = ["bad-json", "invalid-field", "forbidden", "too-large", "too-many-schedules"] as const;
const stored = ["broker-unavailable"] as const;

const details = `Pass exactly one of \`at\`, \`delay_s\`, \`every_s\` and \`cron\`. The same request again changes nothing. Any other request with the same id replaces the schedule, and its \`revision\` grows.

Each occurrence is published once, however many workers and machines there are. docs/schedules.md says what happens when clocks change and after an outage.`;

export const aboutPutSchedule: About = {
  tag: "schedules",
  details,
  parameters: [id],
  request: json(scheduleRequest, { daily }),
  answers: {
    201: { description: "Created.", contents: one },
    200: { description: "Replaced, or already as requested.", contents: one },
  },
  errors: [...written, ...stored],
};

export const aboutPostSchedule: About = {
  tag: "schedules",
  details: `Without an \`id\` the server chooses one, and each request makes a schedule.\n\n${details}`,
  request: json(scheduleRequest, {
    daily: { id: "daily-report", ...daily },
    once: { publish: { user_id: "alice", message: "Your trial ends tomorrow" }, delay_s: 86_400 },
    interval: { publish: { channel: "all", data: { tick: true } }, every_s: 30, max_runs: 10 },
  }),
  answers: {
    201: { description: "Created.", contents: one },
    200: { description: "Replaced, or already as requested.", contents: one },
  },
  errors: [...written, ...stored],
};

export const aboutListSchedules: About = {
  tag: "schedules",
  parameters: [
    { name: "prefix", in: "query", description: "Only ids that begin with this.", schema: { type: "string" } },
    {
      name: "page",
      in: "query",
      description: "The `next_page` of the previous response.",
      schema: { type: "string" },
    },
  ],
  answers: {
    200: {
      description: "The schedules in the order of their ids, at most 100 per page.",
      contents: json(pageOf("schedules", ref("Schedule")), { one: { schedules: [example] } }),
    },
  },
  errors: stored,
};

export const aboutGetSchedule: About = {
  tag: "schedules",
  parameters: [id],
  answers: { 200: { description: "The schedule.", contents: one } },
  errors: ["not-found", ...stored],
};

export const aboutDeleteSchedule: About = {
  tag: "schedules",
  details: "A schedule of the settings file, or of `NOTIFICATION_INTERVAL`, can only be removed there (403).",
  parameters: [id],
  answers: {
    200: {
      description: "Deleted.",
      contents: json(object({ deleted: scheduleId }), { one: { deleted: "daily-report" } }),
    },
  },
  errors: ["not-found", "forbidden", ...stored],
};

export const aboutPauseSchedule: About = {
  tag: "schedules",
  details: `It does not fire until it is resumed. ${withoutRead}`,
  parameters: [id],
  answers: { 200: { description: "Paused.", contents: one } },
  errors: ["not-found", ...stored],
};

export const aboutResumeSchedule: About = {
  tag: "schedules",
  details: `Occurrences during the pause are not published. A schedule with \`at\` or \`delay_s\` whose time has passed is published now, within its catch-up window. ${withoutRead}`,
  parameters: [id],
  answers: { 200: { description: "Resumed.", contents: one } },
  errors: ["not-found", ...stored],
};

export const aboutTriggerSchedule: About = {
  tag: "schedules",
  details: `Publishes it now, in addition to its times, even if it is paused or finished. ${withoutRead}`,
  parameters: [
    id,
    {
      name: "Idempotency-Key",
      in: "header",
      description: "A request repeated with the same key publishes once.",
      schema: text("Any text.", { minLength: 1, maxLength: 128 }),
    },
  ],
  answers: { 200: { description: "Published.", contents: one } },
  errors: ["not-found", ...stored],
};
