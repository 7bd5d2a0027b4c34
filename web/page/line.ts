import type { MessageOnTheWire } from "../../protocol/frames.ts";

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

export function lineOf(message: MessageOnTheWire, ownName: string): Line {
  const { channel, offset, sender, event, timestamp } = message;
  const parts = [message.message, message.data === undefined ? undefined : dataText(message.data)];
  const text = parts.filter((it) => it !== undefined).join(" ");
  const isOwn = sender !== undefined && sender === ownName;
  return { kind: "message", atMs: Date.parse(timestamp), channel, offset, sender, event, text, isOwn };
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
