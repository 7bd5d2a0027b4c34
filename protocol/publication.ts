import type { ChannelName } from "./channel-name.ts";

/** JSON text as it was received: never parsed on the way, so that 64-bit numbers survive. Contains no line breaks. */
export type JsonText = string;

/** Fields that a publisher can add to the body. Passed on unchanged. */
export interface Labels {
  /** The publisher's name for it, `[A-Za-z0-9_.:-]{1,100}`; not `error`, `open` or `system`. */
  readonly event?: string;
  /** Who sent it. */
  readonly sender?: string;
  /** The publisher's own time, milliseconds since 1970; `sent_at` on the wire. */
  readonly sentAt?: number;
  /** Short texts that are passed on. `traceparent` is the server's if it traces the publication. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Identifies the subject of the publication, for stores that keep the latest publication per key. */
  readonly key?: string;
}

/** Text for people, JSON for programs, or both. At least one is required. */
export interface Body {
  readonly message?: string;
  readonly data?: JsonText;
}

/** A request to publish. */
export interface Draft extends Labels, Body {
  readonly channel: ChannelName;
  /** Makes the publication idempotent within the channel's window. If absent, the broker generates one. */
  readonly id?: string;
  /** Not stored and without an offset. For typing indicators, cursors and the like. */
  readonly ephemeral?: true;
  /** The connection that must not receive it. It receives an `advance` instead. */
  readonly excludeConnectionId?: string;
  /**
   * The client that publishes it, such as `user:alice` or `address:203.0.113.7`. Stored data counts towards this
   * client's share, and ids are separate for each client. Absent for API keys and for the server. Never sent to anyone.
   */
  readonly publisher?: string;
  /** The server's own span in which it is published, as a W3C `traceparent`. Never stored. A publisher's is in `headers`. */
  readonly traceparent?: string;
}

/** A stored publication, or an ephemeral one that was only delivered. */
export interface Publication extends Labels, Body {
  readonly channel: ChannelName;
  readonly id: string;
  /** The epoch that `offset` belongs to. */
  readonly epoch: string;
  /** Grows by exactly 1 per publication of a channel and epoch. 0 for ephemeral publications. */
  readonly offset: number;
  /** When the server stored it, milliseconds since 1970. */
  readonly timestamp: number;
  readonly excludeConnectionId?: string;
}

/** Ephemeral publications have no offset. */
export function isEphemeral(publication: Publication): boolean {
  return publication.offset === 0;
}
