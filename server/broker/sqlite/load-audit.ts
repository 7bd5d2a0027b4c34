import type { Expectation } from "./expectation.ts";

/**
 * Counts while a history is loaded, to tell at the end whether publications are missing that nothing points at.
 *
 * Every publication ever stored took the next row, and what was deleted was counted. So it is known how many rows there must
 * be. Of a missing one that lies between others of its channel the number is known all the same; one that was the last of its
 * channel leaves no trace but this count, and its number would be given again.
 */
export class LoadAudit {
  /** The last row that is known to have been given to a publication. */
  lastRow = 0;
  /** Publications whose place is as it was written, or is known from their neighbours. */
  intact = 0;
  /** Publications that are not there, between others of their channel. */
  missing = 0;
  /** Publications that are not there, before the first of their channel. */
  lost = 0;
  readonly damagedRows: number[] = [];
  readonly damagedIds: number[] = [];
  readonly damagedChannels: number[] = [];
  readonly #expectation: Expectation;

  constructor(expectation: Expectation) {
    this.#expectation = expectation;
    this.sawRow(expectation.life?.lastRow ?? 0);
    this.sawRow(expectation.witness?.row ?? 0);
  }

  sawRow(row: number): void {
    this.lastRow = Math.max(this.lastRow, row);
  }

  /** Why numbers may be given out a second time; undefined if that cannot be. */
  get doubt(): string | undefined {
    const { life, witness, doubt } = this.#expectation;
    if (doubt !== undefined) return doubt;
    if (life === undefined) return "what it says about itself is damaged";
    if (witness !== undefined && life.changes < witness.changes) return behind;
    if (this.lastRow - life.deleted === this.intact + this.missing + this.lost) return undefined;
    return this.damagedRows.length > 0 ? "publications in it are damaged" : behind;
  }

  /** Messages that cannot be read any more, by what is known of them. */
  get gone(): number {
    return Math.max(this.missing + this.lost, this.damagedRows.length);
  }

  /** What was found, a line each, for the log. */
  get findings(): readonly string[] {
    return [...counted(this.gone, "damaged or missing messages are left out"), ...this.otherFindings];
  }

  /** Without the messages. */
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

const behind = "it is behind what was acknowledged, since a part of it or of its write-ahead log is lost";
