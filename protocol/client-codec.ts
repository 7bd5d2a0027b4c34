import type { AdvanceFrame, AnswerFrame, GapReason, MessageOnTheWire, Ref, SystemFrame } from "./frames.ts";
import type { Position } from "./position.ts";

/** What a client may say, in the words of the wire. `since` is a position or a word such as "earliest", "2m", "last:10". */
export type ClientCommand =
  | { readonly type: "message"; readonly message: string; readonly sender?: string | undefined }
  | PublishCommand
  | { readonly type: "subscribe"; readonly channel: string; readonly since?: Position | string | undefined }
  | { readonly type: "unsubscribe"; readonly channel: string }
  | { readonly type: "presence"; readonly channel: string; readonly page?: string | undefined }
  | { readonly type: "history"; readonly channel: string; readonly since?: Position | string; readonly limit?: number }
  | { readonly type: "auth"; readonly token: string }
  | { readonly type: "ping" };

/** At least one of `message` and `data`; `data` is any value that `JSON.stringify` takes. */
export interface PublishCommand {
  readonly type: "publish";
  readonly channel: string;
  readonly message?: string;
  readonly data?: unknown;
  readonly event?: string;
  readonly id?: string;
  readonly sender?: string;
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly ephemeral?: boolean;
  readonly echo?: boolean;
}

/** The answer to a history command as a client reads it. */
export interface HistoryOnTheWire extends Position {
  readonly type: "history";
  readonly ref?: Ref;
  readonly channel: string;
  readonly messages: readonly MessageOnTheWire[];
  readonly complete: boolean;
  readonly reason?: GapReason;
}

/** What a server says, as a client reads it. */
export type IncomingFrame =
  | SystemFrame
  | AdvanceFrame
  | MessageOnTheWire
  | HistoryOnTheWire
  | Exclude<AnswerFrame, { readonly type: "history" }>;

/** One command as a text frame. A chat message is always an object here: as bare text, `{` or `send_now` would be commands. */
export function encodeClientFrame(command: ClientCommand, ref?: Ref): string {
  return JSON.stringify({ ...command, ref });
}

/**
 * The frames in one text: a JSON object, or an array of them (subprotocol `fanfare.v1`). Never throws: what is no frame
 * is left out. Frames are otherwise taken at the server's word, so a type that is not listed may be among them.
 */
export function decodeServerFrames(text: string): readonly IncomingFrame[] {
  try {
    const value: unknown = JSON.parse(text);
    return (Array.isArray(value) ? value : [value]).filter((it): it is IncomingFrame => typeof it?.type === "string");
  } catch {
    return []; // not of this protocol; a client that comes across it can only pass over it
  }
}
