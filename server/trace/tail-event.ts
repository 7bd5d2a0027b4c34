import type { ErrorCode } from "../../protocol/errors.ts";
import { matches } from "../channels/rule.ts";

/** The kinds of events in a live tail, and their meanings. */
export const tailEventTable = {
  published: "A publication was stored, or sent without storing.",
  connected: "A client connected.",
  disconnected: "A connection ended.",
  subscribed: "A connection joined a channel.",
  unsubscribed: "A connection left a channel.",
  refused: "A connection, a client's command or an HTTP request was refused.",
  gap: "A connection was told by a gap that it cannot receive publications any more.",
} as const;

export type TailEventKind = keyof typeof tailEventTable;

export const tailEventKinds = Object.keys(tailEventTable) as readonly TailEventKind[];

/** Something that happened in a worker, as a live tail shows it. Never contains the body of a publication. */
export interface TailEvent {
  readonly kind: TailEventKind;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly channel?: string | undefined;
  readonly user?: string | undefined;
  readonly connection?: string | undefined;
  readonly remote?: string | undefined;
  /** The id of a publication. */
  readonly id?: string | undefined;
  /** Undefined for a publication that is not stored. */
  readonly offset?: number | undefined;
  /** Bytes of the publication's body. */
  readonly bytes?: number | undefined;
  /** The refused action: `connect`, `subscribe`, `POST /v1/publish`. */
  readonly action?: string | undefined;
  readonly code?: ErrorCode | undefined;
  /** Why it was refused, or why a connection ended. */
  readonly reason?: string | undefined;
}

/** The filter of a tail. A missing field matches everything. JSON values only. */
export interface TailFilter {
  /** A channel's name, or a prefix followed by `*`. */
  readonly channel?: string;
  readonly user?: string;
  readonly kinds?: readonly TailEventKind[];
}

export function isWanted({ channel, user, kinds }: TailFilter, event: TailEvent): boolean {
  if (kinds !== undefined && !kinds.includes(event.kind)) return false;
  if (user !== undefined && event.user !== user && event.channel !== `@${user}`) return false;
  return channel === undefined || (event.channel !== undefined && matches(channel, event.channel));
}
