import type { ChannelName } from "../../../protocol/channel-name.ts";
import type { Position } from "../../../protocol/position.ts";
import { OldestFirst } from "../../lib/oldest-first.ts";

/** Most positions kept from before restarts and from other members, about 10 MB. Beyond it the oldest are dropped. */
const maxPinned = 100_000;

/**
 * The highest offsets that this member knows to be assigned: in the channels that it listens to, and in its recent
 * acknowledgements. The members compare them with Redis to find out whether Redis has lost publications.
 *
 * Former epochs of a channel are remembered for a while too: if Redis crashes right after a new epoch began, it may
 * restart with the old one.
 */
export class KnownOffsets {
  readonly #listened = new Map<ChannelName, Position>();
  /**
   * Highest offsets by epoch and channel: acknowledgements, former epochs and channels no longer tracked. `#recent` holds
   * those of the current minute, `#older` those of the minute before.
   */
  #recent = new Map<string, number>();
  #older = new Map<string, number>();
  /** The same from before restarts of Redis, and from members that have left. */
  readonly #pinned = new Map<string, number>();
  readonly #oldestPinned = new OldestFirst(this.#pinned);

  /** Tracks the offsets of the channel until `untrack`. */
  track(channel: ChannelName, top: Position): void {
    if (this.#listened.has(channel)) this.observed(channel, top);
    else this.#listened.set(channel, top);
  }

  /** This member no longer listens. The last position is remembered for a while, because clients may still resume from it. */
  untrack(channel: ChannelName): void {
    const known = this.#listened.get(channel);
    this.#listened.delete(channel);
    if (known !== undefined) this.remember(channel, known);
  }

  /** Hot path: a position that was delivered or read. Does nothing for an untracked channel. Answers may overtake deliveries. */
  observed(channel: ChannelName, position: Position): void {
    const known = this.#listened.get(channel);
    if (known === undefined || (known.epoch === position.epoch && known.offset >= position.offset)) return;
    if (known.epoch !== position.epoch) this.remember(channel, known);
    this.#listened.set(channel, position);
  }

  /** The current position was given to a publisher or a reader, who may resume from it. */
  acknowledged(channel: ChannelName, position: Position): void {
    if (this.#listened.has(channel)) this.observed(channel, position);
    else this.remember(channel, position);
  }

  /** Remembers a position for a while. Unlike `acknowledged`, it may be of a former epoch. */
  remember(channel: ChannelName, { epoch, offset }: Position): void {
    const key = keyOf(channel, epoch);
    if ((this.#recent.get(key) ?? 0) < offset) this.#recent.set(key, offset);
  }

  /** All that is known, for a member that leaves. Undefined if it is more than `limit` positions. */
  all(limit: number): readonly (readonly [channel: ChannelName, position: Position])[] | undefined {
    const remembered = [this.#pinned, this.#older, this.#recent];
    if (remembered.reduce((sum, it) => sum + it.size, this.#listened.size) > limit) return undefined;
    const listened = Array.from(this.#listened);
    return remembered.flatMap((offsets) => Array.from(offsets, positionOf)).concat(listened);
  }

  /** The positions that a leaving member has handed over. They are kept like positions from before restarts. */
  handedOver(channel: ChannelName, { epoch, offset }: Position): void {
    this.#pin(keyOf(channel, epoch), offset);
  }

  /** Redis restarted: keeps the remembered positions, because a channel is settled only when it is used next. */
  pin(): void {
    for (const offsets of [this.#older, this.#recent]) {
      let skipped = offsets.size - maxPinned; // they would be dropped again, by those after them
      for (const [key, offset] of offsets) {
        if (--skipped < 0) this.#pin(key, Math.max(offset, this.#older.get(key) ?? 0));
      }
    }
  }

  #pin(key: string, offset: number): void {
    this.#pinned.set(key, Math.max(offset, this.#pinned.get(key) ?? 0));
    const oldest = this.#pinned.size > maxPinned ? this.#oldestPinned.next() : undefined;
    if (oldest !== undefined) this.#pinned.delete(oldest);
  }

  /** Called once a minute. Forgets positions from before the last minute. */
  rotate(): void {
    this.#older = this.#recent;
    this.#recent = new Map();
  }

  /** The highest known offset of the channel in this epoch, or 0. */
  highest(channel: ChannelName, epoch: string): number {
    const listened = this.#listened.get(channel);
    const key = keyOf(channel, epoch);
    const now = listened?.epoch === epoch ? listened.offset : 0;
    return Math.max(now, this.#recent.get(key) ?? 0, this.#older.get(key) ?? 0, this.#pinned.get(key) ?? 0);
  }
}

/** Epochs contain no space. */
function keyOf(channel: ChannelName, epoch: string): string {
  return `${epoch} ${channel}`;
}

function positionOf([key, offset]: readonly [key: string, offset: number]): [ChannelName, Position] {
  const space = key.indexOf(" ");
  return [key.slice(space + 1) as ChannelName, { epoch: key.slice(0, space), offset }];
}
