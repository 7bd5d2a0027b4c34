import type {
  AdvanceFrame,
  AnswerFrame,
  GapReason,
  PresenceEventFrame,
  PresenceResetFrame,
  Ref,
  SystemFrame,
  WireMessage,
} from "./frames.ts";
import type { Position } from "./position.ts";

/** The commands a client can send, with their wire names. `since` is a position or a keyword such as "earliest", "2m", "last:10". */
export type ClientCommand =
  | { readonly type: "message"; readonly message: string; readonly sender?: string | undefined }
  | PublishCommand
  | { readonly type: "subscribe"; readonly channel: string; readonly since?: Position | string | undefined }
  | { readonly type: "unsubscribe"; readonly channel: string }
  | { readonly type: "presence"; readonly channel: string; readonly page?: string | undefined }
  | {
      readonly type: "history";
      readonly channel: string;
      readonly since?: Position | string | undefined;
      readonly limit?: number | undefined;
    }
  | { readonly type: "auth"; readonly token: string }
  | { readonly type: "ping" };

/** At least one of `message` and `data` is required; `data` is any value that `JSON.stringify` accepts. */
export interface PublishCommand {
  readonly type: "publish";
  readonly channel: string;
  readonly message?: string | undefined;
  readonly data?: unknown;
  readonly event?: string | undefined;
  readonly id?: string | undefined;
  readonly sender?: string | undefined;
  readonly key?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly ephemeral?: boolean | undefined;
  readonly echo?: boolean | undefined;
}

/** The answer to a history command as a client reads it. */
export interface WireHistory extends Position {
  readonly type: "history";
  readonly ref?: Ref;
  readonly channel: string;
  readonly messages: readonly WireMessage[];
  readonly complete: boolean;
  readonly reason?: GapReason;
}

/** The frames a server sends, as the client decodes them. */
export type IncomingFrame =
  | SystemFrame
  | AdvanceFrame
  | PresenceEventFrame
  | PresenceResetFrame
  | WireMessage
  | WireHistory
  | Exclude<AnswerFrame, { readonly type: "history" }>;

/** Encodes one command as a text frame. A chat message is always sent as an object: as bare text, `{` or `send_now` would be commands. */
export function encodeClientFrame(command: ClientCommand, ref?: Ref): string {
  return JSON.stringify({ ...command, ref });
}

/**
 * Decodes the frames of one text: a JSON object, or an array of objects (subprotocol `fanfare.v1`). Never throws; anything
 * that is not a frame is skipped. Frames are not validated further, so unknown types can be among them.
 */
export function decodeServerFrames(text: string): readonly IncomingFrame[] {
  try {
    const value: unknown = JSON.parse(text);
    return (Array.isArray(value) ? value : [value]).filter((it): it is IncomingFrame => typeof it?.type === "string");
  } catch {
    return []; // not JSON: the client skips it
  }
}
