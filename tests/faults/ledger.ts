/** An acknowledged publication: its position and its text. */
export interface Entry {
  readonly channel: string;
  readonly epoch: string;
  readonly offset: number;
  /** `publisher:number`; each publisher sends each number once, in ascending order. */
  readonly text: string;
}

/**
 * Which message is at which position, as acknowledged to publishers and received by clients. The first report of a position
 * decides; any different report is a fault.
 */
export class Ledger {
  /** The faults found, each listed once. */
  readonly faults: string[] = [];
  readonly #epochs = new Map<string, string>();
  readonly #texts = new Map<string, string[]>();
  readonly #acknowledged = new Map<string, Set<number>>();

  /** The highest offset that was reported. */
  top(channel: string): number {
    return (this.#texts.get(channel)?.length ?? 1) - 1;
  }

  get channels(): readonly string[] {
    return [...this.#texts.keys()];
  }

  /** The number of acknowledged publications. */
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

  /** Reports the message at a position. */
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

  /** The number of publications that are stored twice. */
  get doubled(): number {
    return this.#texts.values().reduce((sum, texts) => {
      const all = Object.values(texts);
      return sum + all.length - new Set(all).size;
    }, 0);
  }

  /** Checks for holes, and for messages of one publisher in the wrong order. Called when all clients have everything. */
  checkEnd(): void {
    for (const [channel, texts] of this.#texts) {
      const offsets = this.#acknowledged.get(channel) ?? new Set();
      const last = new Map<string, number>();
      for (let offset = 1; offset < texts.length; offset++) {
        if (!offsets.has(offset)) this.fault(`${channel} ${offset} (${texts[offset]}) was never acknowledged`);
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
