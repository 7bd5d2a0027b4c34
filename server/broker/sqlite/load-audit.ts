import type { Expectation } from "./expectation.ts";

/**
 * Counts rows while a history is loaded, to detect missing publications that left no other trace.
 *
 * Every publication took the next row, and deletions are counted, so the number of rows is known. The offset of a missing
 * publication follows from its neighbours in the channel. But the last publication of a channel leaves no trace except this
 * count, and its offset would be assigned again.
 */
export class LoadAudit {
  /** The highest row that is known to belong to a publication. */
  lastRow = 0;
  /** Publications whose place has the right checksum. */
  intact = 0;
  /** Missing publications between others of their channel. */
  missing = 0;
  /** Missing publications before the first of their channel. */
  lost = 0;
  readonly damagedRows: number[] = [];
  readonly damagedIds: number[] = [];
  readonly damagedChannels: number[] = [];
  readonly #expectation: Expectation;

  constructor(expectation: Expectation) {
    this.#expectation = expectation;
    this.noteRow(expectation.state?.lastRow ?? 0);
    this.noteRow(expectation.witness?.row ?? 0);
  }

  noteRow(row: number): void {
    this.lastRow = Math.max(this.lastRow, row);
  }

  /** Why offsets might be assigned twice. Undefined if they cannot. */
  get doubt(): string | undefined {
    const { state, witness, doubt } = this.#expectation;
    if (doubt !== undefined) return doubt;
    if (state === undefined) return "its metadata is damaged";
    if (witness !== undefined && state.changes < witness.changes) return behind;
    if (this.lastRow - state.deleted === this.intact + this.missing + this.lost) return undefined;
    return this.damagedRows.length > 0 ? "publications in it are damaged" : behind;
  }

  /** How many messages are damaged or missing. */
  get gone(): number {
    return Math.max(this.missing + this.lost, this.damagedRows.length);
  }

  /** The findings for the log, a line each. */
  get findings(): readonly string[] {
    return [...counted(this.gone, "damaged or missing messages are left out"), ...this.otherFindings];
  }

  /** The findings about anything but messages. */
  get otherFindings(): readonly string[] {
    return [
      ...counted(
        this.damagedChannels.length,
        "damaged channels are left out; each gets a new epoch when it is used again",
      ),
      ...counted(
        this.damagedIds.length,
        "damaged ids of publishers are left out; a retry with one of them is stored again",
      ),
    ];
  }
}

function counted(number: number, what: string): readonly string[] {
  return number > 0 ? [`${number} ${what}`] : [];
}

const behind = "it lacks messages that were acknowledged, because a part of it or of its write-ahead log is lost";
