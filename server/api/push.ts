import { present } from "../../protocol/codec.ts";
import * as fields from "../../protocol/fields.ts";
import { KnownFields } from "../../protocol/known-fields.ts";
import { limits } from "../../protocol/limits.ts";
import type { Draft } from "../../protocol/publication.ts";
import { texts } from "../../protocol/texts.ts";
import type { Published } from "../broker/broker.ts";
import type { Hub } from "../hub/hub.ts";
import { unknownNames } from "../lib/unknown-names.ts";
import { maxTimestampS, pushEvent } from "./about/push.ts";
import { type ApiDependencies, type Call, ok, type Reply } from "./call.ts";
import { inSpanOf, userChannelField } from "./draft.ts";

/** `POST /sse/push`: pushes one event to all connections of a user. Hot path: nothing is awaited that is known at once. */
export function push({ hub }: ApiDependencies, call: Call): Reply | Promise<Reply> {
  const object = fields.parseObject(call.body, knownPushFields);
  const draft = inSpanOf(call, parsePush(object));
  const published = hub.publish(draft);
  const warnings = warningsAbout(call, object);
  return published instanceof Promise
    ? replyLater(hub, draft, warnings, published)
    : replyTo(hub, draft, warnings, published);
}

async function replyLater(hub: Hub, draft: Draft, warnings: readonly string[], published: Promise<Published>) {
  return replyTo(hub, draft, warnings, await published);
}

function replyTo(
  { occupancy }: Hub,
  { channel }: Draft,
  warnings: readonly string[],
  { listeners }: Published,
): Reply | Promise<Reply> {
  const isConnected = occupancy.isConnected(channel, listeners);
  return isConnected instanceof Promise ? pushReplyLater(isConnected, warnings) : pushReply(isConnected, warnings);
}

async function pushReplyLater(isConnected: Promise<boolean>, warnings: readonly string[]): Promise<Reply> {
  return pushReply(await isConnected, warnings);
}

function pushReply(isConnected: boolean, warnings: readonly string[]): Reply {
  if (warnings.length === 0) return isConnected ? pushedReply : partialReply;
  return ok({ ...(isConnected ? pushed : partial), warnings });
}

function warningsAbout(call: Call, object: fields.Fields): readonly string[] {
  const parameters = unknownParameters(call);
  const names = unknownFields(object);
  return parameters.length === 0 ? names : [...parameters, ...names];
}

const pushed = { status: "success", message: texts.pushed };
const partial = { status: "partial", message: texts.pushedPartial };
/** The usual answers, encoded once. */
const pushedReply = ok(pushed);
const partialReply = ok(partial);

const pushFields = Object.keys(pushEvent.properties ?? {});
/** For `parseObject`. */
export const knownPushFields = new KnownFields(pushFields);

export const none: readonly string[] = [];

/** Unlike the rest of the API, push endpoints only warn about them, because their callers may be older than this server. */
export function unknownFields(object: fields.Fields): readonly string[] {
  const names = fields.unknownIn(object);
  return names.length === 0 ? none : unknownNames(names, pushFields, "field");
}

export function unknownParameters({ query }: Call): readonly string[] {
  return query.size === 0 ? none : unknownNames(query.keys(), none, "parameter");
}

/** @throws ServiceError "invalid-field" */
export function parsePush(object: fields.Fields): Draft {
  const channel = userChannelField(object.user_id);
  const data = fields.dataText(object);
  if (data === undefined) throw fields.invalid("data", "any JSON value", undefined);
  const event = parseEventType(object);
  const id = parseEventId(object);
  const sentAt = parseTimestamp(object);
  if (event === undefined && id === undefined && sentAt === undefined) return { channel, data };
  return { channel, data, ...present({ event, id, sentAt }) };
}

function parseEventType({ event_type }: fields.Fields): string | undefined {
  if (event_type === undefined || event_type === null) return undefined;
  if (!fields.isEventName(event_type)) throw fields.invalid("event_type", fields.eventRule, event_type);
  return event_type;
}

function parseEventId(object: fields.Fields): string | undefined {
  return fields.optionalText(object, "event_id", limits.idLength);
}

/** Parses unix seconds, with or without a fraction. @returns milliseconds */
function parseTimestamp({ timestamp }: fields.Fields): number | undefined {
  if (timestamp === undefined || timestamp === null) return undefined;
  if (typeof timestamp !== "number" || !(timestamp >= 0) || timestamp > maxTimestampS) {
    throw fields.invalid("timestamp", `unix seconds, at most ${maxTimestampS} (the year 9999)`, timestamp);
  }
  return Math.round(timestamp * 1000);
}
