import { present } from "../../protocol/codec.ts";
import { ServiceError } from "../../protocol/errors.ts";
import * as fields from "../../protocol/fields.ts";
import { elementMemberTexts, onOneLine } from "../../protocol/json-text.ts";
import { limits } from "../../protocol/limits.ts";
import type { Draft } from "../../protocol/publication.ts";
import { texts } from "../../protocol/texts.ts";
import type { Published } from "../broker/broker.ts";
import type { Hub } from "../hub/hub.ts";
import type { Sent } from "../hub/occupancy.ts";
import { unknownNames } from "../lib/unknown-names.ts";
import { maxTimestampS, pushEvent } from "./about/push.ts";
import { type ApiDependencies, type Call, ok, okInParts, type PartRefusal, type Reply } from "./call.ts";
import { dataText, inSpanOf, userChannelField } from "./draft.ts";

/** `POST /sse/push`: pushes one event to all connections of a user. Hot path: nothing is awaited that is known at once. */
export function push({ hub }: ApiDependencies, call: Call): Reply | Promise<Reply> {
  const object = fields.parseObject(call.body);
  const draft = inSpanOf(call, parsePush(object, dataText(object, call.body)));
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

/** `POST /sse/push/batch`: up to 1000 events. One result per item, in order; an invalid item does not affect the others. */
export async function pushBatch({ hub }: ApiDependencies, call: Call): Promise<Reply> {
  const items = fields.parseJson(call.body);
  if (!Array.isArray(items)) throw fields.invalid("body", "an array of events", items);
  if (items.length > limits.batchItems) {
    throw fields.invalid("body", `at most ${limits.batchItems} events`, items.length);
  }
  if (items.length > 1) call.account.charge("messages", items.length - 1);
  const data = elementMemberTexts(onOneLine(call.body), "data");
  const pushing: (Pushed | Promise<Pushed>)[] = [];
  for (let index = 0; index < items.length; index++) pushing.push(pushItem(hub, call, items[index], data[index]));
  // A log in memory has stored all of them by now, and waiting for each would cost more than storing it.
  const pushed = pushing.some((it) => it instanceof Promise) ? await Promise.all(pushing) : (pushing as Pushed[]);
  const unknown = unknownOf(pushed);
  const connected = unknown.length === 0 ? nobody : await hub.occupancy.connected(unknown);
  const results = pushed.map((item) => toResult(item, connected));
  return okInParts({ results, ...warningsOf(unknownParameters(call)) }, refusalsOf(pushed));
}

/** The result of one item of a batch. */
interface Pushed {
  readonly userId: string | null;
  readonly error: Pick<ServiceError, "code" | "message"> | undefined;
  readonly listeners: number | undefined;
  /** Whether it is known already that the user is connected. */
  readonly isConnected: boolean;
  readonly warnings: readonly string[];
}

const notAnObject = { code: "invalid-field", message: "expected an object with user_id and data" } as const;
const nobody: ReadonlySet<string> = new Set();

/** Never throws and never rejects, except for bugs. Hot path: without a closure, which is made even if it is not called. */
function pushItem(hub: Hub, call: Call, item: unknown, data: string | undefined): Pushed | Promise<Pushed> {
  if (typeof item !== "object" || item === null || Array.isArray(item)) {
    return { userId: null, error: notAnObject, listeners: undefined, isConnected: false, warnings: none };
  }
  const object = item as fields.Fields;
  try {
    const draft = inSpanOf(call, parsePush(object, data));
    const published = hub.publish(draft);
    return published instanceof Promise
      ? storedLater(hub, object, draft, published)
      : stored(hub, object, draft, published);
  } catch (error) {
    return refused(object, error);
  }
}

async function storedLater(hub: Hub, object: fields.Fields, draft: Draft, published: Promise<Published>) {
  try {
    return stored(hub, object, draft, await published);
  } catch (error) {
    return refused(object, error);
  }
}

function stored({ occupancy }: Hub, object: fields.Fields, { channel }: Draft, { listeners }: Published): Pushed {
  const isConnected = listeners !== 0 && occupancy.hasMember(channel);
  return { userId: userIdOf(object), error: undefined, listeners, isConnected, warnings: unknownFields(object) };
}

/** @throws what is a bug */
function refused(object: fields.Fields, error: unknown): Pushed {
  if (!(error instanceof ServiceError)) throw error;
  return {
    userId: userIdOf(object),
    error,
    listeners: undefined,
    isConnected: false,
    warnings: unknownFields(object),
  };
}

function userIdOf({ user_id }: fields.Fields): string | null {
  return typeof user_id === "string" ? user_id : null;
}

/** Those of whose users it is not known yet whether they are connected. */
function unknownOf(pushed: readonly Pushed[]): readonly Sent[] {
  const sent: Sent[] = [];
  for (const { userId, error, listeners, isConnected } of pushed) {
    if (userId !== null && error === undefined && listeners !== 0 && !isConnected) sent.push({ userId, listeners });
  }
  return sent;
}

function refusalsOf(pushed: readonly Pushed[]): readonly PartRefusal[] {
  const refusals: PartRefusal[] = [];
  for (const { userId, error } of pushed) {
    if (error !== undefined) refusals.push({ code: error.code, reason: error.message, user: userId ?? undefined });
  }
  return refusals;
}

const pushFields = Object.keys(pushEvent.properties ?? {});
const knownFields: ReadonlySet<string> = new Set(pushFields);

const none: readonly string[] = [];

/** Unlike the rest of the API, push endpoints only warn about them, because their callers may be older than this server. */
function unknownFields(object: fields.Fields): readonly string[] {
  // Hot path: without an array of the names.
  for (const name in object) if (!knownFields.has(name)) return unknownNames(Object.keys(object), pushFields, "field");
  return none;
}

function unknownParameters({ query }: Call): readonly string[] {
  return query.size === 0 ? none : unknownNames(query.keys(), none, "parameter");
}

function warningsOf(warnings: readonly string[]): { readonly warnings?: readonly string[] } {
  return warnings.length === 0 ? {} : { warnings };
}

/** `success` means that the user is connected. */
function toResult({ userId: user_id, error, isConnected, warnings }: Pushed, connected: ReadonlySet<string>) {
  if (error !== undefined) return { user_id, success: false, error: error.message, ...warningsOf(warnings) };
  const success = isConnected || (user_id !== null && connected.has(user_id));
  if (warnings.length === 0) return success ? { user_id, success } : { user_id, success, error: texts.pushedPartial };
  return { user_id, success, ...(success ? {} : { error: texts.pushedPartial }), warnings };
}

function parsePush(object: fields.Fields, data: string | undefined): Draft {
  const channel = userChannelField(object.user_id);
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
    throw fields.invalid("timestamp", "unix seconds", timestamp);
  }
  return Math.round(timestamp * 1000);
}
