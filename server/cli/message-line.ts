import type { Gap } from "../../client/index.ts";
import type { WireMessage } from "../../protocol/frames.ts";
import type { Paint } from "./paint.ts";
import { printable, printableJson } from "./printable.ts";

/** The fields of a message that a line shows. */
export type Shown = Pick<WireMessage, "timestamp" | "channel" | "sender" | "message" | "event" | "data">;

/**
 * Formats a message for people: `[10:30:35] Bob: Hey Alice`. With `showChannel` the channel comes first: `(room:1)`. The
 * event and the data are appended: `[10:30:35] price {"price":42}`.
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

/** Formats a system frame: `[10:30:25] SYSTEM: Welcome! …` */
export function systemLine(
  { timestamp, message }: { readonly timestamp: string; readonly message: string },
  paint: Paint,
) {
  return `${paint.dim(clockTime(timestamp))} ${paint.notice(`SYSTEM: ${printable(message)}`)}`;
}

/** Says which messages are missing. The caller puts the channel in front. */
export function describeGap({ from, to, reason }: Gap): string {
  if (reason === "epoch-changed") return "the server lost its history; messages may be missing";
  return from === to ? `message ${from} is missing (${reason})` : `messages ${from} to ${to} are missing (${reason})`;
}

/** The local time of day: `[10:30:35]`. */
function clockTime(timestamp: string): string {
  const date = new Date(timestamp);
  const parts = Number.isNaN(date.getTime()) ? [] : [date.getHours(), date.getMinutes(), date.getSeconds()];
  return `[${parts.map((part) => String(part).padStart(2, "0")).join(":") || "--:--:--"}]`;
}
