import type { LogLimits } from "../log-limits.ts";
import type { KeptItems } from "../records/kept-items.ts";
import type { KeptChannel } from "./kept-channel.ts";
import type { Owners } from "./owners.ts";
import type { ShareLimits } from "./share-limits.ts";

/** Callbacks for the log. */
export interface KeptChannelsEvents<T> {
  /** A new or forgotten channel gets its first epoch. */
  onOpen?(channel: KeptChannel<T>): void;
  /** An item was dropped and can no longer be read. */
  onDrop?(item: T): void;
  /** A channel was forgotten. If it is used again, it gets a new epoch. */
  onForget?(channel: KeptChannel<T>): void;
}

/** Dependencies of the channels. */
export interface KeptChannelsParts<T> {
  readonly limits: LogLimits;
  readonly shareLimits: ShareLimits;
  readonly owners: Owners<KeptChannel<T>>;
  /** Creates the storage for a channel's items. */
  readonly makeItems: () => KeptItems<T>;
  readonly events: KeptChannelsEvents<T>;
  /** Other bytes that count towards the total. */
  readonly otherBytes: () => number;
}
