import type { ChannelName } from "../../../protocol/channel-name.ts";

const nobody: ReadonlySet<never> = new Set();

/** Who listens to which channel. Each listens once, however often it says so. */
export class Audience<T> {
  readonly #members = new Map<ChannelName, Set<T>>();

  /** All who listen to it. */
  of(channel: ChannelName): ReadonlySet<T> {
    return this.#members.get(channel) ?? nobody;
  }

  add(channel: ChannelName, member: T): void {
    const members = this.#members.get(channel);
    if (members === undefined) this.#members.set(channel, new Set([member]));
    else members.add(member);
  }

  /** @returns whether it was the last one there */
  remove(channel: ChannelName, member: T): boolean {
    const members = this.#members.get(channel);
    if (members === undefined || !members.delete(member) || members.size > 0) return false;
    this.#members.delete(channel);
    return true;
  }
}
