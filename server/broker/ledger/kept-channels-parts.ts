import type { LogLimits } from "../log-limits.ts";
import type { KeptItems } from "../records/kept-items.ts";
import type { KeptChannel } from "./kept-channel.ts";
import type { Owners } from "./owners.ts";
import type { Rooms } from "./rooms.ts";

/** What is told to the log. */
export interface KeptChannelsEvents<T> {
  /** A new or forgotten channel gets its first epoch. */
  onOpen?(channel: KeptChannel<T>): void;
  /** An item was dropped and can no longer be read. */
  onDrop?(item: T): void;
  /** A channel was forgotten. If it is used again, it gets a new epoch. */
  onForget?(channel: KeptChannel<T>): void;
}

/** What the channels are made with. */
export interface KeptChannelsParts<T> {
  readonly limits: LogLimits;
  readonly rooms: Rooms;
  readonly owners: Owners<KeptChannel<T>>;
  /** Makes the place for a channel's items. */
  readonly makeItems: () => KeptItems<T>;
  readonly events: KeptChannelsEvents<T>;
  /** What else counts towards the total. */
  readonly otherBytes: () => number;
}
