import type { ChannelName } from "../../protocol/channel-name.ts";

/** One of a session's channels. */
interface InChannel<M> {
  readonly channel: { readonly name: ChannelName };
  /** The next one of the session. Set by Memberships. */
  next: M | undefined;
}

/** Up to this many channels, a linear search is faster than a map. */
const fewChannels = 8;

/**
 * The channels of one session, in the order in which they were joined. Nearly all sessions are in two or three, so they are a
 * linked list: an array would take 64 bytes of each idle connection, and a map 256.
 */
export class Memberships<M extends InChannel<M>> {
  /** Hot paths follow the links themselves. */
  first: M | undefined;
  #last: M | undefined;
  /** Only used for sessions in many channels. */
  #byName: Map<ChannelName, M> | undefined;
  size = 0;

  get(name: ChannelName): M | undefined {
    if (this.#byName !== undefined) return this.#byName.get(name);
    for (let it = this.first; it !== undefined; it = it.next) if (it.channel.name === name) return it;
    return undefined;
  }

  /** The channel must not be in the list yet. */
  add(membership: M): void {
    if (this.#last === undefined) this.first = membership;
    else this.#last.next = membership;
    this.#last = membership;
    this.size++;
    if (this.size <= fewChannels) return;
    this.#byName ??= new Map(Array.from(this, (it) => [it.channel.name, it]));
    this.#byName.set(membership.channel.name, membership);
  }

  delete(name: ChannelName): void {
    let before: M | undefined;
    for (let it = this.first; it !== undefined; before = it, it = it.next) {
      if (it.channel.name !== name) continue;
      if (before === undefined) this.first = it.next;
      else before.next = it.next;
      if (this.#last === it) this.#last = before;
      this.size--;
      break;
    }
    this.#byName?.delete(name);
  }

  names(): ChannelName[] {
    return Array.from(this, (it) => it.channel.name);
  }

  *[Symbol.iterator](): Generator<M, void> {
    for (let it = this.first; it !== undefined; it = it.next) yield it;
  }
}
