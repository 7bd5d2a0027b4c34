/** What was acknowledged of one publication: where it stands, and what it says. */
export interface Entry {
  readonly channel: string;
  readonly epoch: string;
  readonly offset: number;
  /** `publisher:number`; each publisher says each number once, in this order. */
  readonly text: string;
}

/**
 * What stands where, by what publishers were told and what clients saw: the first to speak of a place fixes what stands there
 * for all others.
 */
export class Ledger {
  /** What is wrong, told once for each kind and place. */
  readonly faults: string[] = [];
  readonly #epochs = new Map<string, string>();
  readonly #texts = new Map<string, string[]>();
  readonly #acknowledged = new Map<string, Set<number>>();

  /** The highest offset that anybody spoke of. */
  top(channel: string): number {
    return (this.#texts.get(channel)?.length ?? 1) - 1;
  }

  get channels(): readonly string[] {
    return [...this.#texts.keys()];
  }

  /** How many publications were acknowledged. */
  get acknowledged(): number {
    return this.#acknowledged.values().reduce((sum, { size }) => sum + size, 0);
  }

  acknowledge(entry: Entry): void {
    const offsets = this.#acknowledged.get(entry.channel) ?? new Set();
    this.#acknowledged.set(entry.channel, offsets);
    if (offsets.has(entry.offset)) this.fault(`${entry.channel} ${entry.offset} was acknowledged for two messages`);
    offsets.add(entry.offset);
    this.see(entry);
  }

  /** Somebody says that this stands there. */
  see({ channel, epoch, offset, text }: Entry): void {
    this.seeEpoch(channel, epoch);
    const texts = this.#texts.get(channel) ?? [];
    this.#texts.set(channel, texts);
    const known = texts[offset];
    if (known === undefined) texts[offset] = text;
    else if (known !== text) this.fault(`${channel} ${offset} is ${known} for one and ${text} for another`);
  }

  seeEpoch(channel: string, epoch: string): void {
    const known = this.#epochs.get(channel);
    if (known === undefined) this.#epochs.set(channel, epoch);
    else if (known !== epoch) this.fault(`${channel} has the epochs ${known} and ${epoch}`);
  }

  /** Publications that stand in two places. */
  get doubled(): number {
    return this.#texts.values().reduce((sum, texts) => {
      const all = Object.values(texts);
      return sum + all.length - new Set(all).size;
    }, 0);
  }

  /** What is wrong once everybody has everything: holes, and what a publisher said in another order. */
  checkEnd(): void {
    for (const [channel, texts] of this.#texts) {
      const offsets = this.#acknowledged.get(channel) ?? new Set();
      const last = new Map<string, number>();
      for (let offset = 1; offset < texts.length; offset++) {
        if (!offsets.has(offset)) this.fault(`${channel} ${offset} (${texts[offset]}) was acknowledged to nobody`);
        const [publisher = "", number = ""] = (texts[offset] ?? "").split(":");
        if (Number(number) <= (last.get(publisher) ?? -1)) this.fault(`${channel} ${offset}: ${number} comes late`);
        last.set(publisher, Number(number));
      }
    }
  }

  fault(text: string): void {
    if (this.faults.length < 20 && !this.faults.includes(text)) this.faults.push(text);
  }
}
