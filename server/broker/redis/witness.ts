import type { ChannelName } from "../../../protocol/channel-name.ts";
import type { Position } from "../../../protocol/position.ts";

/** Positions kept from before a restart, about 10 MB; beyond it the oldest are dropped. */
const maxPinned = 100_000;

/**
 * The highest offsets that this member knows to have been given away: of the channels it listens to, and of what it
 * acknowledged lately. With them the members find out whether Redis has lost something.
 *
 * Epochs that a channel has left are remembered for a while too: a Redis that crashes right after a new epoch began may
 * come back with the old one.
 */
export class Witness {
  readonly #listened = new Map<ChannelName, Position>();
  /** The highest offset by epoch and channel: acknowledged, or left behind, in this minute and in the last. */
  #recent = new Map<string, number>();
  #older = new Map<string, number>();
  readonly #pinned = new Map<string, number>();

  /** The channel's numbering is watched until `forget`. */
  watch(channel: ChannelName, top: Position): void {
    if (this.#listened.has(channel)) this.saw(channel, top);
    else this.#listened.set(channel, top);
  }

  /** Nobody listens any more; clients may still hold the last position for a while. */
  forget(channel: ChannelName): void {
    const known = this.#listened.get(channel);
    this.#listened.delete(channel);
    if (known !== undefined) this.#remember(channel, known);
  }

  /** Hot path: what was delivered or read of a channel that may be watched. Answers may overtake deliveries. */
  saw(channel: ChannelName, position: Position): void {
    const known = this.#listened.get(channel);
    if (known === undefined || (known.epoch === position.epoch && known.offset >= position.offset)) return;
    if (known.epoch !== position.epoch) this.#remember(channel, known);
    this.#listened.set(channel, position);
  }

  acknowledged(channel: ChannelName, position: Position): void {
    if (this.#listened.has(channel)) this.saw(channel, position);
    else this.#remember(channel, position);
  }

  /** Redis restarted: keeps what is remembered now, because a channel is settled only when it is used next. */
  pin(): void {
    for (const places of [this.#older, this.#recent]) {
      for (const [key, offset] of places) this.#pinned.set(key, Math.max(offset, this.#pinned.get(key) ?? 0));
    }
    for (const key of this.#pinned.keys()) {
      if (this.#pinned.size <= maxPinned) return;
      this.#pinned.delete(key);
    }
  }

  /** To be called once a minute: what was acknowledged or left behind before the last minute is forgotten. */
  turn(): void {
    this.#older = this.#recent;
    this.#recent = new Map();
  }

  /** The highest known offset of the channel in this epoch; 0 where none is known. */
  highest(channel: ChannelName, epoch: string): number {
    const listened = this.#listened.get(channel);
    const key = keyOf(channel, epoch);
    const now = listened?.epoch === epoch ? listened.offset : 0;
    return Math.max(now, this.#recent.get(key) ?? 0, this.#older.get(key) ?? 0, this.#pinned.get(key) ?? 0);
  }

  #remember(channel: ChannelName, { epoch, offset }: Position): void {
    const key = keyOf(channel, epoch);
    if ((this.#recent.get(key) ?? 0) < offset) this.#recent.set(key, offset);
  }
}

/** Epochs contain no space. */
function keyOf(channel: ChannelName, epoch: string): string {
  return `${epoch} ${channel}`;
}
