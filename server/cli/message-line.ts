import type { Gap } from "../../client/index.ts";
import type { WireMessage } from "../../protocol/frames.ts";
import type { Paint } from "./paint.ts";
import { printable, printableJson } from "./printable.ts";

/** What of a message a line shows. */
export type Shown = Pick<WireMessage, "timestamp" | "channel" | "sender" | "message" | "event" | "data">;

/**
 * A message for people: `[10:30:35] Bob: Hey Alice`. In front of it the channel where there are several, `(room:1)`;
 * behind it what is for programs: `[10:30:35] price {"price":42}`.
 */
export function messageLine(
  { timestamp, channel, sender, message, event, data }: Shown,
  { paint, showChannel }: { readonly paint: Paint; readonly showChannel: boolean },
): string {
  return [
    paint.dim(clockTime(timestamp)),
    ...(showChannel ? [paint.dim(`(${printable(channel)})`)] : []),
    ...(sender === undefined ? [] : [`${paint.name(printable(sender))}:`]),
    ...(event === undefined ? [] : [paint.dim(printable(event))]),
    ...(message === undefined ? [] : [printable(message)]),
    ...(data === undefined ? [] : [printableJson(data)]),
  ].join(" ");
}

/** What the server says itself: `[10:30:25] SYSTEM: Welcome! …` */
export function systemLine(
  { timestamp, message }: { readonly timestamp: string; readonly message: string },
  paint: Paint,
) {
  return `${paint.dim(clockTime(timestamp))} ${paint.notice(`SYSTEM: ${printable(message)}`)}`;
}

/** What is known of messages that will not come: the end of a sentence that begins with the channel. */
export function describeGap({ from, to, reason }: Gap): string {
  if (reason === "epoch-changed") return "the server has forgotten what it had; messages may be missing";
  return from === to ? `message ${from} is missing (${reason})` : `messages ${from} to ${to} are missing (${reason})`;
}

/** The time of day where the reader is: `[10:30:35]`. */
function clockTime(timestamp: string): string {
  const date = new Date(timestamp);
  const parts = Number.isNaN(date.getTime()) ? [] : [date.getHours(), date.getMinutes(), date.getSeconds()];
  return `[${parts.map((part) => String(part).padStart(2, "0")).join(":") || "--:--:--"}]`;
}
