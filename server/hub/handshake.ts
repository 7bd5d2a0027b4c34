import type { ChannelName } from "../../protocol/channel-name.ts";
import type { ServiceError } from "../../protocol/errors.ts";
import type { Cursor, Since } from "../../protocol/position.ts";
import type { Identity } from "../auth/identity.ts";
import type { Reservation } from "./admission.ts";

/** The parsed parameters of a handshake. */
export interface Handshake {
  readonly userId: string | undefined;
  readonly token: string | undefined;
  /** The plain channels the client asks for. `all` and the user's own channel are joined automatically. */
  readonly channels: readonly ChannelName[];
  /** A keyword applies to all channels; a cursor to the channels it names. */
  readonly since: Since | Cursor | undefined;
  /** The resume key of the connection that this one continues. */
  readonly takesOver: string | undefined;
  /** Warnings for the client about its request, one sentence each. */
  readonly warnings?: readonly string[];
  readonly ip: string;
  /** Address and port, for logs. */
  readonly remote: string;
  /** The other end of the socket, in the same form: behind a proxy, that of the proxy. Undefined if it is not known. */
  readonly socket?: string | undefined;
}

/** An accepted handshake, counted by the limits. Either `open` or `cancel` must follow. */
export interface Admitted {
  readonly handshake: Handshake;
  readonly identity: Identity;
  readonly connectionId: string;
  readonly reservation: Reservation;
  /** The requested channels that this client may not join. It is sent the errors after the welcome. */
  readonly forbidden: readonly ForbiddenChannel[];
}

/** A requested channel that the client may not join. */
export interface ForbiddenChannel {
  readonly channel: ChannelName;
  readonly error: ServiceError;
}

/** Where the client wants to start in one channel; undefined: live. */
export function sinceOf(handshake: Handshake, channel: ChannelName): Since | undefined {
  const { since } = handshake;
  if (since === undefined || "from" in since) return since;
  const position = since.get(channel);
  return position === undefined ? undefined : { from: "position", position };
}
