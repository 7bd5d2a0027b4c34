import type { ChannelName } from "../../../protocol/channel-name.ts";
import type { Position } from "../../../protocol/position.ts";

/**
 * The highest offsets that this member knows to have been given away: of the channels it listens to, and of what it
 * acknowledged lately. With them the members find out whether Redis has lost something.
 */
export class Witness {
  readonly #listened = new Map<ChannelName, Position>();
  /** Acknowledged in this minute and in the last. */
  #recent = new Map<ChannelName, Position>();
  #older = new Map<ChannelName, Position>();

  /** The channel's numbering is watched until `forget`. */
  watch(channel: ChannelName, top: Position): void {
    this.#listened.set(channel, top);
  }

  forget(channel: ChannelName): void {
    this.#listened.delete(channel);
  }

  /** Hot path: a delivery of a channel that may be watched. */
  saw(channel: ChannelName, position: Position): void {
    if (this.#listened.has(channel)) this.#listened.set(channel, position);
  }

  acknowledged(channel: ChannelName, position: Position): void {
    const known = this.#listened.get(channel);
    if (known === undefined) this.#recent.set(channel, position);
    else if (known.epoch !== position.epoch || known.offset < position.offset) this.#listened.set(channel, position);
  }

  /** To be called once a minute: what was acknowledged before the last minute is forgotten. */
  turn(): void {
    this.#older = this.#recent;
    this.#recent = new Map();
  }

  /** The highest known offset of the channel in this epoch; 0 where none is known. */
  highest(channel: ChannelName, epoch: string): number {
    let highest = 0;
    for (const places of [this.#listened, this.#recent, this.#older]) {
      const position = places.get(channel);
      if (position?.epoch === epoch && position.offset > highest) highest = position.offset;
    }
    return highest;
  }
}
