import type { ChannelName } from "../../protocol/channel-name.ts";
import type { ServiceError } from "../../protocol/errors.ts";
import type { Cursor, Since } from "../../protocol/position.ts";
import type { Identity } from "../auth/identity.ts";
import type { Seat } from "./admission.ts";

/** What somebody at the door says of themselves; parsed by the transport. */
export interface Arrival {
  readonly userId: string | undefined;
  readonly token: string | undefined;
  /** Plain channels that were asked for; `all` and one's own come by themselves. */
  readonly channels: readonly ChannelName[];
  /** For all channels (a word), or for those that a cursor names. */
  readonly since: Since | Cursor | undefined;
  /** Where some channels are not allowed, the others are served, and the client is told. Otherwise nothing is. */
  readonly servesAllowed?: boolean;
  /** A resume key: this connection continues that one. */
  readonly takesOver: string | undefined;
  /** What the client is to be told of its request, a sentence each. */
  readonly warnings?: readonly string[];
  readonly ip: string;
  /** Address and port, for people. */
  readonly remote: string;
}

/** Somebody who was let in and holds a seat; either `open` or `giveUp` follows. */
export interface Admitted {
  readonly arrival: Arrival;
  readonly identity: Identity;
  readonly connectionId: string;
  readonly seat: Seat;
  /** Of the channels that were asked for, those that may not be joined. Empty unless `servesAllowed`. */
  readonly forbidden: readonly ForbiddenChannel[];
}

/** A channel that somebody asked for and may not join. */
export interface ForbiddenChannel {
  readonly channel: ChannelName;
  readonly error: ServiceError;
}

/** From where an arrival wants to go on in one channel; undefined: live. */
export function sinceOf(arrival: Arrival, channel: ChannelName): Since | undefined {
  const { since } = arrival;
  if (since === undefined || "from" in since) return since;
  const position = since.get(channel);
  return position === undefined ? undefined : { from: "position", position };
}
