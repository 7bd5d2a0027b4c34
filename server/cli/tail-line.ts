import type { Paint } from "./paint.ts";
import { printable } from "./printable.ts";

type Fields = Readonly<Record<string, unknown>>;

/** One event for people: `[10:30:25] published     room:1 offset 7, id m7, 12 bytes (worker 1)`. */
export function tailLine(event: Fields, paint: Paint): string {
  const { at, kind, worker } = event;
  const label = textOf(kind).padEnd(12);
  const place = worker === "server" || textOf(worker) === "" ? "" : paint.dim(` (${textOf(worker)})`);
  const shown = kind === "refused" || kind === "gap" ? paint.notice(label) : label;
  return `${paint.dim(`[${textOf(at).slice(11, 19)}]`)} ${shown} ${detailsOf(event)}${place}`;
}

function detailsOf(event: Fields): string {
  const { kind, channel, id, offset, bytes, user_id, connection_id, remote, action, code, reason } = event;
  const who = [textOf(connection_id), user_id === undefined ? "" : `of ${textOf(user_id)}`].filter(Boolean).join(" ");
  switch (kind) {
    case "published": {
      const place = typeof offset === "number" ? `offset ${offset}` : "not stored";
      return `${textOf(channel)} ${place}, id ${textOf(id)}, ${String(bytes)} ${bytes === 1 ? "byte" : "bytes"}`;
    }
    case "connected":
      return `${who} from ${textOf(remote)}`;
    case "disconnected":
      return `${who}: ${textOf(reason)}`;
    case "refused":
      return `${textOf(action)}${channel === undefined ? "" : ` of ${textOf(channel)}`} from ${textOf(remote)}${who === "" ? "" : ` (${who})`}: ${textOf(code)}: ${textOf(reason)}`;
    case "gap":
      return `${textOf(channel)} ${who}: ${textOf(reason)}`;
    default:
      return `${textOf(channel)} ${who}`;
  }
}

function textOf(value: unknown): string {
  return typeof value === "string" ? printable(value) : "";
}
