import type { ChannelName } from "./channel-name.ts";

/** JSON as the text it came as: never parsed on its way, so that 64-bit numbers survive. Holds no line breaks. */
export type JsonText = string;

/** What a publisher may say beside the body; passed on unchanged. */
export interface Labels {
  /** The publisher's name for it, `[A-Za-z0-9_.:-]{1,100}`; not `error`, `open` or `system`. */
  readonly event?: string;
  /** Who said it. */
  readonly sender?: string;
  /** The publisher's own time, milliseconds since 1970; `sent_at` on the wire. */
  readonly sentAt?: number;
  /** Small texts passed on, `traceparent` among them. */
  readonly headers?: Readonly<Record<string, string>>;
  /** What the publication is about, for stores that keep the last one per key. */
  readonly key?: string;
}

/** Text for people, JSON for programs, or both; at least one of them. */
export interface Body {
  readonly message?: string;
  readonly data?: JsonText;
}

/** What was asked to be published. */
export interface Draft extends Labels, Body {
  readonly channel: ChannelName;
  /** Makes the publication idempotent within the channel's window; absent, the broker makes one up. */
  readonly id?: string;
  /** Not stored, has no offset: typing, cursors. */
  readonly ephemeral?: true;
  /** The connection that must not get it: it gets an `advance` in its place. */
  readonly excludeConnectionId?: string;
}

/** What was stored, or for an ephemeral one what was passed on. */
export interface Publication extends Labels, Body {
  readonly channel: ChannelName;
  readonly id: string;
  /** The life of the channel's numbering that `offset` belongs to. */
  readonly epoch: string;
  /** Grows by exactly 1 per publication in its channel and epoch; 0 for ephemeral ones, which have none. */
  readonly offset: number;
  /** When the server stored it, milliseconds since 1970. */
  readonly timestamp: number;
  readonly excludeConnectionId?: string;
}

/** Ephemeral publications have no place in the numbering. */
export function isEphemeral(publication: Publication): boolean {
  return publication.offset === 0;
}

/** What a publication counts against limits in bytes: its texts, and 200 for what surrounds them. */
export function sizeOf(body: Body): number {
  return 200 + (body.message?.length ?? 0) + (body.data?.length ?? 0);
}

/** The bytes of a body in UTF-8. */
export function bytesOf(body: Body): number {
  return byteLength(body.message) + byteLength(body.data);
}

function byteLength(text: string | undefined): number {
  if (text === undefined) return 0;
  let bytes = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    // A surrogate pair is 4 bytes: 2 for each of its halves.
    bytes += unit < 0x80 ? 1 : unit < 0x800 || (unit >= 0xd800 && unit < 0xe000) ? 2 : 3;
  }
  return bytes;
}
