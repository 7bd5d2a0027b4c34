import { ServiceError } from "./errors.ts";
import * as fields from "./fields.ts";
import type { ClientFrame, Ref, ServerFrame } from "./frames.ts";
import { memberText } from "./json-text.ts";
import { KnownFields } from "./known-fields.ts";
import { limits } from "./limits.ts";
import type { JsonText, Publication } from "./publication.ts";

/** One decoded client frame, or the reason why it is invalid. */
export type Decoded =
  | (DecodedNames & { readonly frame: ClientFrame })
  | (DecodedNames & { readonly refusal: ServiceError });

interface DecodedNames {
  readonly ref: Ref | undefined;
  /** Only set for known commands. */
  readonly unknown?: UnknownFields;
}

/** The unknown fields of a command, and the fields the command has. */
export interface UnknownFields {
  readonly given: readonly string[];
  readonly known: readonly string[];
}

/**
 * Text that begins with `{` (after white space) must be a command. Any other text is a chat message, except for `send_now`,
 * which is a command. Hot path: called for every frame of every client. Never throws.
 */
export function decodeClientFrame(text: string): Decoded {
  if (!/^\s*\{/.test(text)) {
    const frame: ClientFrame = text === "send_now" ? { type: "send_now" } : { type: "message", message: text };
    return { ref: undefined, frame };
  }
  let ref: Ref | undefined;
  let unknown: UnknownFields | undefined;
  try {
    const object = fields.parseObject(text, allFields);
    ref = parseRef(object);
    unknown = unknownOf(object);
    const frame = parseCommand(object);
    return unknown === undefined ? { ref, frame } : { ref, frame, unknown };
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    if (error.code === "bad-json") ref = refOfBroken(text);
    return unknown === undefined ? { ref, refusal: error } : { ref, refusal: error, unknown };
  }
}

/** Text that is not JSON, or is nested too deep to be parsed, may still contain the `ref` of the command that is refused. */
function refOfBroken(text: string): Ref | undefined {
  try {
    const ref = memberText(text, "ref") ?? "";
    // Each character may be an escape of six, and there are two quotes.
    return ref.length > 6 * limits.refLength + 2 ? undefined : parseRef({ ref: JSON.parse(ref) });
  } catch {
    return undefined; // the ref cannot be read
  }
}

/** Undefined if all fields are known, which is nearly always the case. */
function unknownOf(object: fields.Fields): UnknownFields | undefined {
  const known = typeof object.type === "string" ? commandFields.get(object.type) : undefined;
  if (known === undefined) return undefined;
  let given: string[] | undefined;
  for (const name in object) {
    if (known.includes(name)) continue;
    given ??= [...fields.unknownIn(object)];
    if (name !== "") given.push(name); // it represents the unknown ones
  }
  return given === undefined ? undefined : { given, known };
}

const commandFields: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries({
    message: ["message", "sender"],
    publish: ["channel", "message", "data", "event", "id", "sender", "key", "headers", "ephemeral", "echo"],
    subscribe: ["channel", "since"],
    unsubscribe: ["channel"],
    history: ["channel", "since", "limit"],
    presence: ["channel", "page"],
    auth: ["token"],
    ping: [],
  }).map(([type, names]) => [type, ["type", "ref", ...names]]),
);

/** The fields of all commands: an object is parsed before its type is known. */
const allFields = new KnownFields([...Array.from(commandFields.values()).flat(), "at", "delay_s"]);

/** Encodes one frame as JSON text without line breaks. */
export function encodeServerFrame(frame: ServerFrame): JsonText {
  if (frame.type === "message") return encodePublication(frame.publication);
  if (frame.type !== "history") return JSON.stringify(frame);
  const { messages, ...rest } = frame;
  return `${JSON.stringify(rest).slice(0, -1)},"messages":[${encodePublications(messages)}]}`;
}

/** The messages of a history answer, separated by commas. Without `join`, which would copy texts of many megabytes twice. */
export function encodePublications(publications: readonly Publication[]): JsonText {
  let text = "";
  for (const publication of publications) text += (text === "" ? "" : ",") + encodePublication(publication);
  return text;
}

/**
 * Encodes a publication as a message frame. Hot path: once per publication and worker, never per client.
 * `{"type":"message","channel":"all","offset":17,"id":"…","timestamp":"…","message":"Hello","sender":"Alice"}`
 */
export function encodePublication(publication: Publication): JsonText {
  const { channel, offset, id, timestamp, sentAt, event, message, data, sender, key, headers } = publication;
  // Mostly both are empty, and the frame is made in one step: a step for each field made a seventh of a publication's garbage
  // (tests/allocations).
  let before = "";
  let after = "";
  if (sentAt !== undefined) before += `,"sent_at":"${isoTime(sentAt)}"`;
  if (event !== undefined) before += `,"event":${JSON.stringify(event)}`;
  if (message !== undefined) before += `,"message":${JSON.stringify(message)}`;
  if (sender !== undefined) after += `,"sender":${JSON.stringify(sender)}`;
  if (key !== undefined) after += `,"key":${JSON.stringify(key)}`;
  if (headers !== undefined) after += `,"headers":${JSON.stringify(headers)}`;
  if (
    data !== undefined &&
    before === "" &&
    after === "" &&
    offset > 0 &&
    plainName.test(channel) &&
    plainName.test(id)
  ) {
    // For pushes: with half as many parts, a quarter faster, and 130 bytes of garbage less (bench/direct).
    return `{"type":"message","channel":"${channel}","offset":${offset},"id":"${id}","timestamp":"${isoTime(timestamp)}","data":${data}}`;
  }
  const position = offset > 0 ? ',"offset":' : "";
  const content = data === undefined ? "" : ',"data":';
  return `{"type":"message","channel":${quoted(channel)}${position}${offset || ""},"id":${quoted(id)},"timestamp":"${isoTime(timestamp)}"${before}${content}${data ?? ""}${after}}`;
}

/** A name as JSON. Plain names need no escapes, and copying them is ten times as fast as `JSON.stringify` (bench/direct). */
function quoted(name: string): string {
  return plainName.test(name) ? `"${name}"` : JSON.stringify(name);
}

const plainName = /^[\w\-=@,.;:/]*$/;

/** ISO 8601 in UTC with milliseconds. @param ms Milliseconds since 1970. */
export function isoTime(ms: number): string {
  if (ms === lastTime.ms) return lastTime.text;
  const second = Math.floor(ms / 1000);
  if (second !== lastSecond.number) {
    lastSecond.text = new Date(second * 1000).toISOString().slice(0, -4);
    lastSecond.number = second;
  }
  lastTime.text = `${lastSecond.text}${String(Math.floor(ms) - second * 1000).padStart(3, "0")}Z`;
  lastTime.ms = ms;
  return lastTime.text;
}

/** Publications come in the order of their times, and formatting a date takes as long as all other fields together. */
const lastSecond = { number: Number.NaN, text: "" };
/** The publications of a batch mostly have the same time (bench/direct --batch 100: 3 %). */
const lastTime = { ms: Number.NaN, text: "" };

function parseRef(object: fields.Fields): Ref | undefined {
  const { ref } = object;
  if (ref === undefined || ref === null) return undefined;
  // JSON has no infinity, but 1e999 is parsed as one and would be sent back as null.
  if ((typeof ref === "number" && Number.isFinite(ref)) || (typeof ref === "string" && ref.length <= limits.refLength))
    return ref;
  throw fields.invalid("ref", `a number or a text of at most ${limits.refLength} characters`, ref);
}

function parseCommand(object: fields.Fields): ClientFrame {
  const parse =
    typeof object.type === "string" && Object.hasOwn(commands, object.type) ? commands[object.type] : undefined;
  if (parse !== undefined) return parse(object);
  const known = Object.keys(commands).join(", ");
  if (typeof object.type === "string") {
    throw new ServiceError(
      "unknown-type",
      `type: expected one of ${known}, got ${JSON.stringify(object.type.slice(0, 60))}`,
    );
  }
  throw fields.invalid("type", `one of ${known}`, object.type);
}

const commands: Readonly<Record<string, (object: fields.Fields) => ClientFrame>> = {
  message: parseMessage,
  publish: parsePublish,
  subscribe: (object) => withSince({ type: "subscribe", channel: fields.channelField(object) }, object),
  unsubscribe: (object) => ({ type: "unsubscribe", channel: fields.channelField(object) }),
  history: parseHistory,
  presence: parsePresence,
  auth: parseAuth,
  ping: () => ({ type: "ping" }),
};

function parseMessage(object: fields.Fields): ClientFrame {
  const message = fields.optionalMessage(object);
  if (message === undefined) throw fields.invalid("message", "a text", object.message);
  // Ignoring it would tell everyone what was meant for one channel.
  if (object.channel !== undefined && object.channel !== null && object.channel !== "all") {
    throw fields.invalid(
      "channel",
      'no value: a chat message goes to all; to publish to a channel use the type "publish"',
      object.channel,
    );
  }
  const sender = fields.optionalText(object, "sender", limits.senderLength);
  return sender === undefined ? { type: "message", message } : { type: "message", message, sender };
}

function withSince(frame: ClientFrame & { type: "subscribe" }, object: fields.Fields): ClientFrame {
  const since = fields.optionalSince(object);
  return since === undefined ? frame : { ...frame, since };
}

function parsePublish(object: fields.Fields): ClientFrame {
  const message = fields.optionalMessage(object);
  const data = fields.dataText(object);
  if (message === undefined && data === undefined) throw fields.invalid("data", "data or message", undefined);
  // These are known from POST /v1/publish. If they were ignored, a message for later would be published now.
  for (const field of ["at", "delay_s"]) {
    if (object[field] === undefined || object[field] === null) continue;
    throw fields.invalid(
      field,
      "no value: this command publishes at once; use POST /v1/publish to publish later",
      object[field],
    );
  }
  return {
    type: "publish",
    channel: fields.channelField(object),
    ephemeral: fields.optionalSwitch(object, "ephemeral", false),
    echo: fields.optionalSwitch(object, "echo", true),
    ...present({
      message,
      data,
      event: fields.optionalEvent(object),
      id: fields.optionalText(object, "id", limits.idLength),
      sender: fields.optionalText(object, "sender", limits.senderLength),
      key: fields.optionalText(object, "key", limits.keyLength),
      headers: fields.optionalHeaders(object),
    }),
  };
}

function parseHistory(object: fields.Fields): ClientFrame {
  const limit = object.limit ?? limits.historyDefault;
  if (typeof limit !== "number" || !Number.isInteger(limit) || limit < 1 || limit > limits.historyLimit) {
    throw fields.invalid("limit", `a whole number from 1 to ${limits.historyLimit}`, limit);
  }
  const since = fields.optionalSince(object) ?? ({ from: "last", count: limit } as const);
  return { type: "history", channel: fields.channelField(object), since, limit };
}

function parsePresence(object: fields.Fields): ClientFrame {
  const frame = { type: "presence", channel: fields.channelField(object) } as const;
  if (object.page === undefined || object.page === null) return frame;
  if (typeof object.page !== "string" || object.page.length > limits.pageLength) {
    throw fields.invalid("page", "the next of an answer", object.page);
  }
  return { ...frame, page: object.page };
}

function parseAuth(object: fields.Fields): ClientFrame {
  if (typeof object.token !== "string") throw fields.invalid("token", "a text", object.token);
  return { type: "auth", token: object.token };
}

/** Omits the members that are undefined: on the wire, absent and null are different. */
export function present<T extends object>(members: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(members).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
