import { present } from "../../protocol/codec.ts";
import { type ErrorCode, ServiceError } from "../../protocol/errors.ts";
import * as fields from "../../protocol/fields.ts";
import { elementTexts } from "../../protocol/json-text.ts";
import { limits } from "../../protocol/limits.ts";
import type { Draft } from "../../protocol/publication.ts";
import { texts } from "../../protocol/texts.ts";
import type { Published } from "../broker/broker.ts";
import type { Hub } from "../hub/hub.ts";
import { unknownNames } from "../lib/unknown-names.ts";
import { maxTimestampS, pushEvent } from "./about/push.ts";
import { type ApiDependencies, type Call, ok, okInParts, type Reply } from "./call.ts";
import { dataText, inSpanOf, userChannelField } from "./draft.ts";

/** `POST /sse/push`: pushes one event to all connections of a user. */
export function push({ hub }: ApiDependencies, call: Call): Reply | Promise<Reply> {
  const object = fields.parseObject(call.body);
  const draft = inSpanOf(call, parsePush(object, call.body));
  const published = hub.publish(draft);
  if (published instanceof Promise) return published.then((it) => replyTo(hub, call, object, it));
  return replyTo(hub, call, object, published);
}

/** Hot path: without a closure for what is known at once. */
function replyTo(hub: Hub, call: Call, object: fields.Fields, { listeners }: Published): Reply | Promise<Reply> {
  const isConnected = hub.occupancy.isConnected({ userId: String(object.user_id), listeners });
  const warnings = warningsAbout(call, object);
  return isConnected instanceof Promise
    ? isConnected.then((it) => pushReply(it, warnings))
    : pushReply(isConnected, warnings);
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
  const itemTexts = elementTexts(call.body);
  const pushing = items.map((item, index) => pushItem(hub, call, item, itemTexts[index] ?? ""));
  // A log in memory has stored all of them by now, and waiting for each would cost more than storing it.
  const pushed = pushing.every((it) => !(it instanceof Promise)) ? (pushing as Pushed[]) : await Promise.all(pushing);
  const sent = pushed.flatMap(({ user_id, error, listeners }) =>
    user_id === null || error !== undefined ? [] : [{ userId: user_id, listeners }],
  );
  const connected = await hub.occupancy.connected(sent);
  const results = pushed.map((item) => {
    const result = toResult(item, connected);
    return item.warnings.length === 0 ? result : { ...result, warnings: item.warnings };
  });
  const refusals = pushed.flatMap(({ user_id, code, error }) =>
    code === undefined || error === undefined ? [] : [{ code, reason: error, user: user_id ?? undefined }],
  );
  return okInParts({ results, ...warningsOf(unknownParameters(call)) }, refusals);
}

/** The result of one item of a batch. */
interface Pushed {
  readonly user_id: string | null;
  readonly error?: string;
  /** The code of the error. */
  readonly code?: ErrorCode;
  readonly listeners?: number | undefined;
  readonly warnings: readonly string[];
}

/** Never throws and never rejects, except for bugs. */
function pushItem(hub: Hub, call: Call, item: unknown, text: string): Pushed | Promise<Pushed> {
  if (typeof item !== "object" || item === null || Array.isArray(item)) {
    const error = "expected an object with user_id and data";
    return { user_id: null, code: "invalid-field", error, warnings: [] };
  }
  const object = item as fields.Fields;
  const user_id = typeof object.user_id === "string" ? object.user_id : null;
  const warnings = unknownFields(object);
  const refused = (error: unknown): Pushed => {
    if (!(error instanceof ServiceError)) throw error;
    return { user_id, code: error.code, error: error.message, warnings };
  };
  try {
    const published = hub.publish(inSpanOf(call, parsePush(object, text)));
    if (!(published instanceof Promise)) return { user_id, listeners: published.listeners, warnings };
    return published.then(({ listeners }) => ({ user_id, listeners, warnings }), refused);
  } catch (error) {
    return refused(error);
  }
}

const pushFields = Object.keys(pushEvent.properties ?? {});

const none: readonly string[] = [];

/** Unlike the rest of the API, push endpoints only warn about them, because their callers may be older than this server. */
function unknownFields(object: fields.Fields): readonly string[] {
  // Hot path: without an array of the names.
  for (const name in object)
    if (!pushFields.includes(name)) return unknownNames(Object.keys(object), pushFields, "field");
  return none;
}

function unknownParameters({ query }: Call): readonly string[] {
  return query.size === 0 ? none : unknownNames(query.keys(), none, "parameter");
}

function warningsOf(warnings: readonly string[]): { readonly warnings?: readonly string[] } {
  return warnings.length === 0 ? {} : { warnings };
}

/** `success` means that the user is connected. */
function toResult({ user_id, error }: Pushed, connected: ReadonlySet<string>) {
  if (error !== undefined) return { user_id, success: false, error };
  const success = user_id !== null && connected.has(user_id);
  return success ? { user_id, success } : { user_id, success, error: texts.pushedPartial };
}

function parsePush(object: fields.Fields, text: string): Draft {
  const channel = userChannelField(object.user_id);
  const data = dataText(object, text);
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
