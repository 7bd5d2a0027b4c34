import type { WireMessage } from "../protocol/frames.ts";
import type { Position } from "../protocol/position.ts";
import type { ClientError } from "./client-error.ts";
import type { Presence } from "./presence.ts";
import type { Gap } from "./progress.ts";
import type { Schema } from "./schema.ts";

/** A publication as handlers receive it. */
export interface Message<Data = unknown> extends Omit<WireMessage, "type" | "data"> {
  readonly data: Data;
}

/** The events of a channel. */
export interface ChannelEvents<Data = unknown> {
  message: Message<Data>;
  /** Publications were missed and will not be delivered. With `getState`, a new state follows. */
  gap: Gap;
  /** The result of `getState`, each time it is loaded. */
  state: unknown;
  /**
   * The connections in the channel, once they are known. If the channel has presence events (rule `presence_events`), also
   * after each change.
   */
  presence: Presence;
  /** The channel was refused, a message broke the schema, or `getState` failed. */
  error: ClientError;
  /** The client was closed. */
  end: undefined;
}

/** State from a program's own backend, and the position up to which it is current. */
export interface State {
  readonly data: unknown;
  /** If absent, the messages published from now on follow. */
  readonly position?: Position | undefined;
}

/** How to read a channel. If there are several handlers, the options of the first apply. */
export interface ChannelOptions<Input = unknown, Data = Input> {
  /** The schema of `data`, checked for received and published messages. */
  readonly schema?: Schema<Input, Data> | undefined;
  /** Where to start. Default: with new messages. */
  readonly since?: Position | "earliest" | `last:${number}` | undefined;
  /** Called first, and again after a gap. The channel continues from the position it returns. */
  readonly getState?: (() => Promise<State>) | undefined;
}
