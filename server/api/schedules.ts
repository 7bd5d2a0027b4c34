import { createHash } from "node:crypto";
import { ServiceError } from "../../protocol/errors.ts";
import * as fields from "../../protocol/fields.ts";
import { memberTexts } from "../../protocol/json-text.ts";
import { limits } from "../../protocol/limits.ts";
import type { JsonText } from "../../protocol/publication.ts";
import { randomId } from "../lib/random-id.ts";
import type { Schedule } from "../schedule/schedule.ts";
import type { ApiDependencies, Call, Reply } from "./call.ts";
import { type PublishRequest, parsePublishRequest, timeFields } from "./publish-request.ts";
import {
  knownScheduleFields,
  onceDefinition,
  parseScheduleId,
  parseScheduleRequest,
  storedText,
} from "./schedule-request.ts";
import { type ViewOptions, viewOf } from "./schedule-view.ts";

/** Schedules per page. */
const pageSize = 100;

/** `POST /v1/schedules`: creates a schedule, or replaces the one with the `id` in the body. */
export function postSchedule(dependencies: ApiDependencies, call: Call): Promise<Reply> {
  return put(dependencies, call, undefined);
}

/** `PUT /v1/schedules/{id}` */
export function putSchedule(dependencies: ApiDependencies, call: Call): Promise<Reply> {
  return put(dependencies, call, parseScheduleId(call.params.id));
}

/** `GET /v1/schedules?prefix=&page=` */
export async function listSchedules({ schedules }: ApiDependencies, { query }: Call): Promise<Reply> {
  const page = query.get("page") ?? "";
  const list = await schedules.list(query.get("prefix") ?? "", page, pageSize);
  const next = list.length === 0 ? undefined : list.at(-1)?.id;
  const hasMore = next !== undefined && (await schedules.list(query.get("prefix") ?? "", next, 1)).length > 0;
  const views = list.map((it) => viewOf(it, schedules, { hasContent: true })).join(",");
  return { status: 200, body: `{"schedules":[${views}]${hasMore ? `,"next_page":${JSON.stringify(next)}` : ""}}` };
}

/** `GET /v1/schedules/{id}` */
export async function getSchedule({ schedules }: ApiDependencies, call: Call): Promise<Reply> {
  return reply(200, await schedules.get(call.params.id ?? ""), schedules, { hasContent: true });
}

/** `DELETE /v1/schedules/{id}` */
export async function deleteSchedule({ schedules }: ApiDependencies, call: Call): Promise<Reply> {
  await schedules.remove(call.params.id ?? "");
  return { status: 200, body: JSON.stringify({ deleted: call.params.id }) };
}

/** `POST /v1/schedules/{id}/pause` */
export async function pauseSchedule({ schedules }: ApiDependencies, call: Call): Promise<Reply> {
  return reply(200, await schedules.pause(call.params.id ?? ""), schedules, { hasContent: call.mayRead() });
}

/** `POST /v1/schedules/{id}/resume` */
export async function resumeSchedule({ schedules }: ApiDependencies, call: Call): Promise<Reply> {
  return reply(200, await schedules.resume(call.params.id ?? ""), schedules, { hasContent: call.mayRead() });
}

/** `POST /v1/schedules/{id}/trigger` */
export async function triggerSchedule({ schedules }: ApiDependencies, call: Call): Promise<Reply> {
  const key = call.headers.get("Idempotency-Key") || undefined;
  return reply(200, await schedules.trigger(call.params.id ?? "", key), schedules, { hasContent: call.mayRead() });
}

/** `POST /v1/publish` with `at` or `delay_s`. */
export async function publishLater(
  { hub, schedules }: ApiDependencies,
  call: Call,
  object: fields.Fields,
): Promise<Reply> {
  const { body, identity, headers } = call;
  if (identity !== undefined) {
    throw new ServiceError(
      "forbidden",
      "at and delay_s require an API key: with a user's token, messages can only be published at once",
    );
  }
  const request = parsePublishRequest(object);
  checkSize(hub, request);
  const header = fields.optionalText(
    { "Idempotency-Key": headers.get("Idempotency-Key") || undefined },
    "Idempotency-Key",
    limits.idLength,
  );
  const { id = header } = request.draft;
  if (header !== undefined && id !== header) {
    throw fields.invalid("id", "the same value as the header Idempotency-Key, or only one of the two", id);
  }
  const { schedule, isNew } = await schedules.put({
    id: id === undefined ? `s_${randomId(9)}` : onceId(id, request),
    definition: onceDefinition(object, withoutTimes(body, id)),
    origin: "api",
    existing: "keep",
  });
  // The earlier request with this id may have had another content, which this key must not see.
  return reply(202, schedule, schedules, { hasContent: isNew || call.mayRead(), duplicate: !isNew });
}

async function put({ hub, schedules }: ApiDependencies, { body }: Call, pathId: string | undefined): Promise<Reply> {
  const {
    id = pathId,
    definition,
    isPaused,
    publish,
  } = parseScheduleRequest(fields.parseObject(body, knownScheduleFields, 2), body);
  if (pathId !== undefined && id !== pathId) throw fields.invalid("id", "the id in the path, or none", id);
  checkSize(hub, publish);
  const wanted = { id: id ?? `s_${randomId(9)}`, definition, origin: "api" as const, isPaused };
  const { schedule, isNew } = await schedules.put(wanted);
  // The request itself has just set the content.
  return reply(isNew ? 201 : 200, schedule, schedules, { hasContent: true });
}

/** A message that is too large is refused now, and not when it is due. */
function checkSize(hub: ApiDependencies["hub"], { draft }: PublishRequest): void {
  hub.checkSize(draft);
}

/** The same for the same message to the same channels, so that a repeated request makes one schedule. */
function onceId(id: string, { targets }: PublishRequest): string {
  const text = JSON.stringify([id, ...targets.channels]);
  return `s_${createHash("sha256").update(text).digest("base64url").slice(0, 22)}`;
}

/** The JSON text of a publish request without the members that say when, and with the id that was found. */
function withoutTimes(body: JsonText, id: string | undefined): JsonText {
  const members = new Map(memberTexts(body));
  for (const field of timeFields) members.delete(field);
  if (id !== undefined) members.set("id", JSON.stringify(id));
  return storedText(members);
}

function reply(
  status: number,
  schedule: Schedule,
  schedules: ApiDependencies["schedules"],
  options: ViewOptions,
): Reply {
  return { status, body: viewOf(schedule, schedules, options) };
}
