import type { ChannelName } from "../../../protocol/channel-name.ts";

const noListeners: ReadonlySet<never> = new Set();

/** The listeners of each channel. Adding one again has no effect. */
export class Audience<T> {
  readonly #members = new Map<ChannelName, Set<T>>();

  /** All listeners of a channel. */
  of(channel: ChannelName): ReadonlySet<T> {
    return this.#members.get(channel) ?? noListeners;
  }

  add(channel: ChannelName, member: T): void {
    const members = this.#members.get(channel);
    if (members === undefined) this.#members.set(channel, new Set([member]));
    else members.add(member);
  }

  /** @returns whether it was the last listener */
  remove(channel: ChannelName, member: T): boolean {
    const members = this.#members.get(channel);
    if (members === undefined || !members.delete(member) || members.size > 0) return false;
    this.#members.delete(channel);
    return true;
  }
}
