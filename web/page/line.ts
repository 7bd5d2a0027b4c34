import type { ConnectionState, Gap, Message } from "../../client/index.ts";
import type { DataText } from "./data-text.ts";

/** One line of the list: a message, or a note of the page about the connection. */
export type Line =
  | {
      readonly kind: "message";
      /** Milliseconds since 1970, the server's time. */
      readonly atMs: number;
      readonly channel: string;
      /** Undefined for ephemeral messages. */
      readonly offset: number | undefined;
      readonly sender: string | undefined;
      readonly event: string | undefined;
      /** The message text, the data as JSON, or both. */
      readonly text: string;
      /** Whether the sender is the name in our own name field. */
      readonly isOwn: boolean;
    }
  | { readonly kind: "notice" | "warning"; readonly atMs: number; readonly text: string };

/** @param message `data` is undefined if the message has none */
export function lineOf(message: Message<DataText | undefined>, ownName: string): Line {
  const { channel, offset, sender, event, timestamp } = message;
  const parts = [message.message, message.data === undefined ? undefined : dataText(message.data)];
  const text = parts.filter((it) => it !== undefined).join(" ");
  const isOwn = sender !== undefined && sender === ownName;
  return { kind: "message", atMs: Date.parse(timestamp), channel, offset, sender, event, text, isOwn };
}

/** Describes a gap. Several channels are named together if the server restarted without its history. */
export function gapText(channels: readonly string[], { from, to, reason }: Gap): string {
  const names = channels.join(", ");
  if (reason === "epoch-changed") {
    return `The server restarted without its history (${names}). Earlier messages that are not shown here are lost.`;
  }
  const count = to - from + 1;
  return count === 1
    ? `One message of ${names} was missed (${from}) and is no longer stored.`
    : `${count} messages of ${names} were missed (${from} to ${to}) and are no longer stored.`;
}

/** Describes the end of a connection. */
export function lossText({ status, code, reason }: ConnectionState): string {
  const why = reason === "" ? String(code) : `${code}: ${reason}`;
  if (status === "closed")
    return code === 1000 ? "Disconnected." : `The server closed the connection for good (${why}).`;
  if (status === "offline") return "The network is down. This page reconnects when it is back.";
  return `Connection lost (${why}). Reconnecting…`;
}

/** The text of a line for screen readers. */
export function spoken(line: Line): string {
  if (line.kind !== "message") return line.text;
  const who = line.sender ?? line.event ?? line.channel;
  return `${who}: ${line.text.slice(0, 200)}`;
}

/** A string is shown without quotes. Anything else is shown as the JSON that the server sent. */
function dataText({ json }: DataText): string {
  return json.startsWith('"') ? String(JSON.parse(json)) : json;
}
