import { getLogger } from "@logtape/logtape";
import type { ChannelName } from "../../protocol/channel-name.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import type { PresenceStore } from "./presence-store.ts";

/** How often the store is asked whether full channels have room again. */
const retryMs = 1000;
/** How many channels are asked about at a time. */
const channelsPerRetry = 100;

export interface UnlistedParts {
  readonly store: Pick<PresenceStore, "read">;
  readonly clock: Clock;
  /** How many presences a channel can have. */
  readonly size: number;
  /** Whether this worker has room for presences. */
  readonly hasRoom: () => boolean;
  /** Stores the presence again, unless there is no room for it. It may be refused again. */
  readonly list: (channel: ChannelName, holder: string) => boolean;
  /** Called when there are some, and when there are none any more. */
  readonly onSome: (hasSome: boolean) => void;
}

/**
 * The connections of this worker that are in a channel but not in its presence, because the channel or the worker has no room.
 * They are listed when others have left: within about a second, and in each channel in the order in which they joined.
 */
export class UnlistedConnections {
  readonly #parts: UnlistedParts;
  /** Those that were tried last are at the end. */
  readonly #channels = new Map<ChannelName, Set<string>>();
  #timer: Timer | undefined;
  #isClosed = false;

  constructor(parts: UnlistedParts) {
    this.#parts = parts;
  }

  /** In all channels together. */
  get count(): number {
    let count = 0;
    for (const holders of this.#channels.values()) count += holders.size;
    return count;
  }

  in(channel: ChannelName): number {
    return this.#channels.get(channel)?.size ?? 0;
  }

  /** @param noRoomIn which limit it exceeds */
  add(channel: ChannelName, holder: string, noRoomIn: "channel" | "worker"): void {
    const holders = this.#channels.get(channel);
    if (holders !== undefined) holders.add(holder);
    else {
      this.#channels.set(channel, new Set([holder]));
      if (noRoomIn === "channel") this.#warn(channel);
      if (this.#channels.size === 1) this.#parts.onSome(true);
    }
    this.#arm();
  }

  delete(channel: ChannelName, holder: string): void {
    const holders = this.#channels.get(channel);
    if (holders?.delete(holder) !== true || holders.size > 0) return;
    this.#channels.delete(channel);
    if (this.#channels.size === 0) this.#parts.onSome(false);
  }

  /** Idempotent. */
  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  #arm(): void {
    if (this.#timer !== undefined || this.#isClosed || this.#channels.size === 0) return;
    this.#timer = this.#parts.clock.setTimeout(() => void this.#retry(), retryMs);
  }

  #warn(channel: ChannelName): void {
    const { size } = this.#parts;
    getLogger(["fanfare", "presence"]).warning(
      "{channel} has {size} connections in its presence, as many as PRESENCE_SIZE allows. Further ones are not listed",
      { channel, size },
    );
  }

  async #retry(): Promise<void> {
    if (this.#parts.hasRoom()) {
      const some = Array.from(this.#channels.keys().take(channelsPerRetry));
      await Promise.allSettled(some.map((channel) => this.#fill(channel)));
    }
    this.#timer = undefined;
    this.#arm();
  }

  /** Lists as many as there is room for. If the store does not answer, the next attempt does it. */
  async #fill(channel: ChannelName): Promise<void> {
    const { store, size, list } = this.#parts;
    const { count } = await store.read(channel, { after: "", limit: 0 });
    const holders = this.#channels.get(channel);
    if (holders === undefined) return;
    this.#channels.delete(channel);
    this.#channels.set(channel, holders);
    for (const holder of Array.from(holders).slice(0, Math.max(0, size - count))) {
      if (!list(channel, holder)) return;
      this.delete(channel, holder);
    }
  }
}
