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
