import type { ConnectionState, Gap, Message } from "../../client/index.ts";

/** One line of the list: a message, or what the page itself has to say about the connection. */
export type Line =
  | {
      readonly kind: "message";
      /** Milliseconds since 1970, the server's time. */
      readonly atMs: number;
      readonly channel: string;
      /** Undefined for ephemeral ones. */
      readonly offset: number | undefined;
      readonly sender: string | undefined;
      readonly event: string | undefined;
      /** The text for people, the data as JSON, or both. */
      readonly text: string;
      /** Whether the name in our own field said it. */
      readonly isOwn: boolean;
    }
  | { readonly kind: "notice" | "warning"; readonly atMs: number; readonly text: string };

export function lineOf(message: Message, ownName: string): Line {
  const { channel, offset, sender, event, timestamp } = message;
  const parts = [message.message, message.data === undefined ? undefined : dataText(message.data)];
  const text = parts.filter((it) => it !== undefined).join(" ");
  const isOwn = sender !== undefined && sender === ownName;
  return { kind: "message", atMs: Date.parse(timestamp), channel, offset, sender, event, text, isOwn };
}

/** What to say of a hole in these channels; several at once where a server began anew. */
export function gapText(channels: readonly string[], { from, to, reason }: Gap): string {
  const names = channels.join(", ");
  if (reason === "epoch-changed") {
    return `The server began to count anew (${names}): what was published before it did, and is not here, will not come.`;
  }
  const count = to - from + 1;
  return count === 1
    ? `A message of ${names} was missed (${from}), and is not kept any more.`
    : `${count} messages of ${names} were missed (${from} to ${to}), and are not kept any more.`;
}

/** What to say where a connection ended. */
export function lossText({ status, code, reason }: ConnectionState): string {
  const why = reason === "" ? String(code) : `${code}: ${reason}`;
  if (status === "closed") return code === 1000 ? "Disconnected." : `The server wants no further try (${why}).`;
  if (status === "offline") return "The network is gone. This page connects again when it is back.";
  return `The connection is lost (${why}). This page connects again by itself.`;
}

/** How a line is read out. */
export function spoken(line: Line): string {
  if (line.kind !== "message") return line.text;
  const who = line.sender ?? line.event ?? line.channel;
  return `${who}: ${line.text.slice(0, 200)}`;
}

/** A text stands as it is; anything else as JSON, with room to break between its members. */
function dataText(data: unknown): string {
  if (typeof data === "string") return data;
  return JSON.stringify(data, undefined, 1).replaceAll(/\n\s*/g, " ");
}
