import type { ChannelName } from "../../protocol/channel-name.ts";

interface InChannel {
  readonly channel: { readonly name: ChannelName };
}

/** Up to this many channels, a linear search is faster than a map. */
const fewChannels = 8;

/**
 * The channels of one session. Nearly all sessions are in two or three channels, and a map for so few would be the largest
 * part of an idle connection.
 */
export class Memberships<M extends InChannel> {
  readonly #list: M[] = [];
  /** Only used for sessions in many channels. */
  #byName: Map<ChannelName, M> | undefined;

  get size(): number {
    return this.#list.length;
  }

  get(name: ChannelName): M | undefined {
    if (this.#byName !== undefined) return this.#byName.get(name);
    for (const membership of this.#list) if (membership.channel.name === name) return membership;
    return undefined;
  }

  /** The channel must not be in the list yet. */
  add(membership: M): void {
    this.#list.push(membership);
    if (this.#list.length <= fewChannels) return;
    this.#byName ??= new Map(this.#list.map((it) => [it.channel.name, it]));
    this.#byName.set(membership.channel.name, membership);
  }

  delete(name: ChannelName): void {
    const at = this.#list.findIndex((it) => it.channel.name === name);
    if (at >= 0) this.#list.splice(at, 1);
    this.#byName?.delete(name);
  }

  /** In the order in which the channels were joined. */
  names(): ChannelName[] {
    return this.#list.map((it) => it.channel.name);
  }

  [Symbol.iterator](): Iterator<M> {
    return this.#list.values();
  }
}
