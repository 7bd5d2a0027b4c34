import type { ChannelName } from "../../protocol/channel-name.ts";

/** One of a session's channels. */
interface InChannel<M> {
  readonly channel: { readonly name: ChannelName };
  /** The next one of the session. Set by Memberships. */
  next: M | undefined;
}

/** Up to this many channels, a linear search is faster than a map. */
const fewChannels = 8;

/** An index for long lists. */
interface Index<M> {
  last: M;
  readonly byName: Map<ChannelName, M>;
}

/**
 * The channels of one session, in the order in which they were joined. Nearly all sessions are in two or three, so they are
 * a linked list: an array would take 64 bytes of each idle connection, and a map 256. Fields that only a long list needs
 * are in an object of its own, which saves 16 more.
 */
export class Memberships<M extends InChannel<M>> {
  /** Hot paths follow the links themselves. */
  first: M | undefined;
  /** Only for sessions in many channels. */
  #index: Index<M> | undefined;

  get size(): number {
    if (this.#index !== undefined) return this.#index.byName.size;
    let size = 0;
    for (let it = this.first; it !== undefined; it = it.next) size++;
    return size;
  }

  get(name: ChannelName): M | undefined {
    if (this.#index !== undefined) return this.#index.byName.get(name);
    for (let it = this.first; it !== undefined; it = it.next) if (it.channel.name === name) return it;
    return undefined;
  }

  /** The channel must not be in the list yet. */
  add(membership: M): void {
    const last = this.#index === undefined ? this.#findLast() : this.#index.last;
    if (last === undefined) this.first = membership;
    else last.next = membership;
    if (this.#index !== undefined) {
      this.#index.last = membership;
      this.#index.byName.set(membership.channel.name, membership);
    } else if (this.size > fewChannels) {
      this.#index = { last: membership, byName: new Map(Array.from(this, (it) => [it.channel.name, it])) };
    }
  }

  delete(name: ChannelName): void {
    let before: M | undefined;
    for (let it = this.first; it !== undefined; before = it, it = it.next) {
      if (it.channel.name !== name) continue;
      if (before === undefined) this.first = it.next;
      else before.next = it.next;
      break;
    }
    if (this.first === undefined) this.#index = undefined;
    if (this.#index === undefined || !this.#index.byName.delete(name)) return;
    if (before !== undefined && before.next === undefined) this.#index.last = before;
  }

  names(): ChannelName[] {
    return Array.from(this, (it) => it.channel.name);
  }

  *[Symbol.iterator](): Generator<M, void> {
    for (let it = this.first; it !== undefined; it = it.next) yield it;
  }

  #findLast(): M | undefined {
    let last: M | undefined;
    for (let it = this.first; it !== undefined; it = it.next) last = it;
    return last;
  }
}
