import { encodeServerFrame } from "../../../protocol/codec.ts";
import type { ServerFrame } from "../../../protocol/frames.ts";
import type { Outgoing } from "../../session/push.ts";
import type { Encoded, WireForm } from "../../session/wire-form.ts";

/**
 * Server-Sent Events (WHATWG HTML §9.2). Blocks are the same bytes for all; each write ends with a block of nothing but
 * `id: <cursor>`, which a browser takes over without firing an event.
 */
export const sseForm: WireForm = {
  carriesCursor: true,
  encode(items) {
    let text = "";
    for (const item of items) text += block(eventOf(item), item.json);
    return [text];
  },
  frame: (frame) => [retryOf(frame) + block(frame.type === "message" ? undefined : "system", encodeServerFrame(frame))],
  join(parts, cursor) {
    let text = "";
    for (const [part] of parts) text += part;
    return [`${text}id: ${cursor}\n\n`];
  },
};

/** A comment: keeps proxies from closing a quiet stream. */
export const sseComment: Encoded = [":\n\n"];

/** When the browser is to come back, milliseconds from the end of the stream. */
export function sseRetry(ms: number): string {
  return `retry: ${Math.round(ms)}\n\n`;
}

/** `data` holds no line breaks: JSON texts are kept on one line. */
function block(event: string | undefined, json: string): string {
  return event === undefined ? `data: ${json}\n\n` : `event: ${event}\ndata: ${json}\n\n`;
}

function eventOf(item: Outgoing): string | undefined {
  return item.kind === "publication" ? item.publication.event : "system";
}

function retryOf(frame: ServerFrame): string {
  return frame.type === "system" && frame.event === "draining" ? sseRetry(frame.reconnect_after_ms) : "";
}
