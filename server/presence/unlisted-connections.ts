import { getLogger } from "@logtape/logtape";
import type { ChannelName } from "../../protocol/channel-name.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import type { PresenceStore } from "./presence-store.ts";

/** How often the store is asked whether full channels have room again. */
const retryMs = 1000;

export interface UnlistedParts {
  readonly store: Pick<PresenceStore, "read">;
  readonly clock: Clock;
  /** How many presences a channel can have. */
  readonly size: number;
  /** Stores the presence again. It may be refused again. */
  readonly list: (channel: ChannelName, holder: string) => void;
}

/**
 * The connections of this worker that are in a channel but not in its presence, because the channel is full. They are listed
 * when others have left: within about a second, in the order in which they joined.
 */
export class UnlistedConnections {
  readonly #parts: UnlistedParts;
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

  add(channel: ChannelName, holder: string): void {
    const holders = this.#channels.get(channel);
    if (holders !== undefined) holders.add(holder);
    else {
      this.#channels.set(channel, new Set([holder]));
      const { size } = this.#parts;
      getLogger(["fanfare", "presence"]).warning(
        "{channel} has {size} connections in its presence, as many as PRESENCE_SIZE allows. Further ones are not listed",
        { channel, size },
      );
    }
    this.#arm();
  }

  delete(channel: ChannelName, holder: string): void {
    const holders = this.#channels.get(channel);
    if (holders?.delete(holder) === true && holders.size === 0) this.#channels.delete(channel);
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

  async #retry(): Promise<void> {
    await Promise.allSettled(Array.from(this.#channels.keys(), (channel) => this.#fill(channel)));
    this.#timer = undefined;
    this.#arm();
  }

  /** Lists as many as there is room for. If the store does not answer, the next attempt does it. */
  async #fill(channel: ChannelName): Promise<void> {
    const { store, size, list } = this.#parts;
    const { count } = await store.read(channel, { after: "", limit: 0 });
    const first = Array.from(this.#channels.get(channel) ?? []).slice(0, Math.max(0, size - count));
    for (const holder of first) {
      this.delete(channel, holder);
      list(channel, holder);
    }
  }
}
