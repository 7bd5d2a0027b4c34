import { encodeServerFrame } from "../../../protocol/codec.ts";
import type { ServerFrame, SystemFrame } from "../../../protocol/frames.ts";
import type { Outgoing } from "../../session/push.ts";
import type { Encoded, WireForm } from "../../session/wire-form.ts";

/**
 * How long a client waits before it reconnects after the connection broke without a `closing` event: a random time in this
 * range, so that the clients of a crashed server do not reconnect together. Milliseconds.
 */
const usualRetryMs = { from: 1000, to: 3000 };

/** Above this many characters, a write is sent as several chunks instead of being copied into one. */
const largeLength = 64 * 1024;

/**
 * Server-Sent Events (WHATWG HTML §9.2). Blocks are the same bytes for all clients. The cursor is the last line of the last
 * block of each write:
 *
 *     data: {"type":"message","channel":"a","offset":4,…}
 *
 *     data: {"type":"message","channel":"a","offset":5,…}
 *     id: a~k3x9~5
 *
 * Never in a block of its own: several libraries ignore an id without data (and then lose messages when they reconnect),
 * others fire an empty event for it.
 *
 * `encode` and `frame` omit the empty line after their last block, because `join` may insert the id before it.
 */
export const sseForm: WireForm = {
  carriesCursor: true,
  encode(items) {
    let text = "";
    for (const item of items) text += (text === "" ? "" : "\n") + block(eventOf(item), item.json);
    return [text];
  },
  frame(frame) {
    const event = frame.type === "message" ? undefined : "system";
    return [retryOf(frame) + block(event, encodeServerFrame(frame))];
  },
  join(parts, cursor) {
    // An empty id would make the client forget its current one.
    const end = cursor === "" ? "\n" : `id: ${cursor}\n\n`;
    let length = 0;
    for (const [part] of parts) length += part?.length ?? 0;
    if (length > largeLength) return joinLarge(parts, end);
    let text = "";
    for (const [part] of parts) text += text === "" ? part : `\n${part}`;
    return [text + end];
  },
};

/**
 * Keeps proxies from closing a quiet stream. A single line without an empty line after it, because some libraries fire an
 * empty event at each empty line.
 */
export const sseComment: Encoded = [":\n"];

/** A complete write with one system frame. @param retryMs when the client should reconnect; undefined keeps the previous value */
export function sseSystemWrite(frame: SystemFrame, cursor: string, retryMs?: number): string {
  const retry = retryMs === undefined ? "" : retryField(retryMs);
  const [text = ""] = sseForm.join([[retry + block("system", encodeServerFrame(frame))]], cursor);
  return `${text}`;
}

/** In pieces, because joining them would make a copy for each client. */
function joinLarge(parts: readonly Encoded[], end: string): Encoded {
  const pieces: (string | Uint8Array)[] = [];
  for (const part of parts) pieces.push(...(pieces.length === 0 ? [] : ["\n"]), ...part);
  return [...pieces, end];
}

function retryField(ms: number): string {
  return `retry: ${Math.round(ms)}\n`;
}

function block(event: string | undefined, json: string): string {
  const data = `data: ${onOneLine(json)}\n`;
  return event === undefined ? data : `event: ${event}\n${data}`;
}

/**
 * JSON contains no CR or LF. These three also count as line breaks for readers that follow Unicode. In JSON they only occur
 * inside strings, where an escape means the same.
 */
function onOneLine(json: string): string {
  return json.replace(/[\u0085\u2028\u2029]/g, (it) => `\\u${it.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function eventOf(item: Outgoing): string | undefined {
  return item.kind === "publication" ? item.publication.event : "system";
}

function retryOf(frame: ServerFrame): string {
  if (frame.type !== "system") return "";
  if (frame.event === "draining") return retryField(frame.reconnect_after_ms);
  const { from, to } = usualRetryMs;
  return frame.event === "welcome" ? retryField(from + Math.random() * (to - from)) : "";
}
