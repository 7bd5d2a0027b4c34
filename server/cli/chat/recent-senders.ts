/** How many names are remembered per channel. */
const maxNames = 20;

/** The names in front of the messages of one channel, the latest first. A name may belong to somebody who has left. */
export class RecentSenders {
  readonly #names = new Set<string>();

  /** @param name undefined if the message has no sender */
  add(name: string | undefined): void {
    if (name === undefined) return;
    this.#names.delete(name);
    this.#names.add(name);
    const [oldest] = this.#names;
    if (this.#names.size > maxNames && oldest !== undefined) this.#names.delete(oldest);
  }

  get names(): readonly string[] {
    return [...this.#names].reverse();
  }
}
