import { join } from "node:path";
import type { ChannelName } from "../../../protocol/channel-name.ts";
import type { Position, Since } from "../../../protocol/position.ts";
import type { KeptChannel, PageBounds } from "../ledger/kept-channel.ts";
import type { ChannelSummary, HistoryRules } from "../log.ts";
import type { LogLimits } from "../log-limits.ts";
import { expect, nothingExpected } from "./expectation.ts";
import type { Filed } from "./filed.ts";
import { FiledLedger } from "./filed-ledger.ts";
import { HeldFiles } from "./held-files.ts";
import type { HistoryFile } from "./history-file.ts";
import type { LoadAudit } from "./load-audit.ts";
import { historyFileName } from "./open-database.ts";
import { toStorageError } from "./storage-error.ts";
import type { AppendRequest, Placed, StoredPublication, StoredStretch } from "./thread-messages.ts";
import { Transactions } from "./transactions.ts";
import { type Progress, Witness } from "./witness.ts";

/** Channels, ids and publications per slice: a few milliseconds. */
const sweepSteps = 10_000;

/** What an archive is made of. */
export interface ArchiveParts {
  readonly directory: string;
  /** Open, and of nobody else. */
  readonly file: HistoryFile;
  /** It was made just now, or is of a version that had no witness: nothing is expected of it. */
  readonly isNew: boolean;
  readonly limits: LogLimits;
  /** The log's steady time and the wall clock's, milliseconds since 1970. */
  readonly now: number;
  readonly wall: number;
}

/**
 * Keeps a ledger and its file in step: what is answered is committed.
 *
 * When a transaction fails, the ledger that ran ahead is thrown away and a new one loaded from the file, so that no offset
 * is left out, and none given twice. Then drafts are refused until writing works again, which an empty append finds out at
 * once, and any other a second after the last failure. Reading goes on meanwhile.
 *
 * Times in the file are of the history's own time: it runs as the log's steady time does, and over a restart by as much as
 * the wall clock went on meanwhile. So a wall clock that is set changes no age.
 *
 * @throws what the file throws, from every method.
 */
export class Archive {
  readonly #directory: string;
  readonly #file: HistoryFile;
  readonly #limits: LogLimits;
  readonly #life: string;
  readonly #witness: Witness;
  readonly #held: HeldFiles;
  readonly #transactions: Transactions;
  /** From the log's steady time to the history's own. */
  readonly #shiftMs: number;
  #wall: number;
  #ledger: FiledLedger | undefined;
  #acknowledged: Progress;
  /** Whether publications were stored since the life was saved. */
  #isUnsaved = false;
  /** Whether the witness was written since it got its name. */
  #isWitnessOld = false;
  #notes: string[] = [];
  /** Channels that were answered with an epoch before the ledger that knew them was thrown away. */
  #unsaved: readonly KeptChannel<Filed>[] = [];

  /** Loads the history, and begins a life of it. */
  constructor({ directory, file, isNew, limits, now, wall }: ArchiveParts) {
    this.#directory = directory;
    this.#file = file;
    this.#held = new HeldFiles(directory);
    this.#transactions = new Transactions(file, this.#held);
    this.#limits = limits;
    this.#wall = wall;
    const found = Witness.find(directory);
    const life = file.life();
    this.#shiftMs = (life === undefined || isNew ? wall : life.savedAt + Math.max(0, wall - life.savedWall)) - now;
    const expectation = isNew ? nothingExpected(life) : expect(life, found);
    const { ledger, audit } = FiledLedger.load(file, limits, now + this.#shiftMs, expectation);
    this.#life = crypto.randomUUID();
    this.#witness = Witness.make(directory, { life: this.#life, ...ledger.progress });
    this.#transactions.run(now, () => this.#mend(ledger, audit, now));
    ledger.saved();
    this.#witness.settle(found);
    this.#ledger = ledger;
    this.#acknowledged = ledger.progress;
    if (isNew && found.some(({ isSettled }) => isSettled)) this.#note("its history is gone: all channels begin anew");
    const path = join(directory, historyFileName);
    this.#held.hold(path, `${path}-wal`, this.#witness.path);
  }

  /** Channels that keep something, and by which rules. */
  governed(now: number): readonly (readonly [ChannelName, HistoryRules])[] {
    return Array.from(this.#current(now).governed());
  }

  /** New rules for channels, which hold at once. */
  govern(rules: readonly (readonly [ChannelName, HistoryRules])[], now: number): void {
    this.#write(now, ({ ledger }) => {
      for (const [channel, its] of rules) ledger.govern(channel, its, now + this.#shiftMs);
    });
  }

  /** What was found out about the file since the last call, as sentences for the log. */
  takeNotes(): readonly string[] {
    const notes = this.#notes;
    this.#notes = [];
    return notes;
  }

  /** All requests in one transaction. @returns what became of each entry of each request. */
  append(requests: readonly AppendRequest[], now: number): readonly (readonly Placed[])[] {
    const isEmpty = requests.every(({ entries }) => entries.length === 0);
    const isProbe = requests.some(({ entries }) => entries.length === 0);
    this.#transactions.ready(now, isProbe);
    if (isEmpty) return requests.map(() => []);
    this.#wall = requests.at(-1)?.wall ?? this.#wall;
    return this.#write(now, (ledger) => {
      const answers = requests.map(({ entries, now: at, wall }) =>
        entries.map((entry) => placed(ledger.enter(entry, at + this.#shiftMs, wall))),
      );
      if (ledger.isBehind) ledger.dropSlice();
      this.#isUnsaved = true;
      return answers;
    });
  }

  /**
   * What is damaged is left out, as a gap: the page ends before it, or begins after it. Where the last ones are asked for, it
   * begins after it in any case.
   */
  read(channel: ChannelName, since: Since, bounds: PageBounds, now: number): StoredStretch {
    const { ledger } = this.#current(now);
    const stretch = ledger.read(channel, since, bounds, now + this.#shiftMs);
    let { gap, items } = stretch;
    const publications: StoredPublication[] = [];
    while (items.length > 0) {
      for (const filed of items) {
        const publication = this.#publication(filed);
        if (publication !== undefined) publications.push(publication);
        else if (publications.length > 0 && since.from !== "last") return { top: stretch.top, gap, publications };
        else {
          gap ??= "history-too-short";
          publications.length = 0;
        }
      }
      const last = items.at(-1);
      if (publications.length > 0 || last === undefined) break;
      const position = { epoch: stretch.top.epoch, offset: last.offset };
      items = ledger.read(channel, { from: "position", position }, bounds, now + this.#shiftMs).items;
    }
    return { top: stretch.top, gap, publications };
  }

  /** @throws ServiceError "too-many-channels" */
  tops(
    channels: readonly ChannelName[],
    now: number,
    seen?: ReadonlyMap<ChannelName, Position>,
  ): ReadonlyMap<ChannelName, Position> {
    if (seen === undefined) return this.#current(now).ledger.tops(channels, now + this.#shiftMs);
    // A new epoch that was answered and not written would be another one after the next start.
    return this.#write(now, ({ ledger }) => ledger.tops(channels, now + this.#shiftMs, seen));
  }

  summary(channel: ChannelName, now: number): ChannelSummary | undefined {
    return this.#current(now).ledger.summary(channel, now);
  }

  list(prefix: string, after: string, limit: number, now: number): readonly ChannelSummary[] {
    return this.#current(now).ledger.list(prefix, after, limit, now + this.#shiftMs);
  }

  /** Takes away some of what is over its time. @returns whether nothing is left to do. */
  sweep(now: number, wall: number): boolean {
    this.#wall = wall;
    const ledger = this.#current(now);
    const isSwept = ledger.sweep(now + this.#shiftMs, sweepSteps);
    if (this.#transactions.hasFailed) return isSwept;
    const drop = () => {
      const areIdsDropped = ledger.dropIds(now + this.#shiftMs);
      return ledger.dropSlice() && areIdsDropped;
    };
    const isDropped = this.#write(now, drop, this.#isUnsaved);
    this.#renameWitness();
    return isDropped && isSwept;
  }

  /** Writes what is left to write. The archive is of no use afterwards, whether that worked or not. */
  close(now: number, wall: number): void {
    try {
      this.#wall = wall;
      if (this.#ledger !== undefined && !this.#transactions.hasFailed) this.#write(now, () => {}, true);
    } finally {
      this.#file.close();
      this.#witness.close();
    }
  }

  #publication(filed: Filed): StoredPublication | undefined {
    if (filed.isDamaged) return undefined;
    const { row, offset, timestamp } = filed;
    const body = this.#bodyOf(row);
    if (body !== undefined) return { offset, timestamp, body };
    filed.isDamaged = true;
    this.#note(`message ${offset} of channel ${filed.channel.kept.name} is damaged, and left out as a gap`);
    return undefined;
  }

  #bodyOf(row: number): string | undefined {
    try {
      return this.#file.bodyOf(row);
    } catch (error) {
      if (toStorageError(error, this.#directory).fault === "broken") return undefined;
      throw error;
    }
  }

  #note(finding: string): void {
    this.#notes.push(`DATA_DIR ${this.#directory}: ${finding}`);
  }

  #current(now: number): FiledLedger {
    if (this.#ledger !== undefined) return this.#ledger;
    const expectation = { life: this.#file.life(), witness: this.#acknowledged, doubt: undefined };
    const { ledger, audit } = FiledLedger.load(this.#file, this.#limits, now + this.#shiftMs, expectation);
    for (const channel of this.#unsaved) ledger.takeOver(channel, now + this.#shiftMs);
    if (audit.doubt !== undefined || audit.findings.length > 0) {
      this.#transactions.run(now, () => this.#mend(ledger, audit, now));
      ledger.saved();
    } else ledger.mend(audit);
    this.#unsaved = [];
    this.#ledger = ledger;
    return ledger;
  }

  /** Inside a transaction: what a load found is in the file from here on. */
  #mend(ledger: FiledLedger, audit: LoadAudit, now: number): void {
    ledger.mend(audit);
    ledger.save();
    this.#saveLife(ledger, now);
    if (audit.doubt !== undefined) this.#note(`${audit.doubt}: all its channels begin new epochs`);
    for (const finding of audit.findings) this.#note(finding);
  }

  #saveLife(ledger: FiledLedger, now: number): void {
    const { row: lastRow, changes } = ledger.progress;
    const { identity } = this.#witness;
    const saved = { savedAt: now + this.#shiftMs, savedWall: this.#wall };
    this.#file.saveLife({ life: this.#life, witness: identity, changes, deleted: ledger.deleted, lastRow, ...saved });
    this.#isUnsaved = false;
  }

  /** A transaction that the ledger takes part in: with it, or without both. */
  #write<Result>(now: number, run: (ledger: FiledLedger) => Result, isLifeDue = false): Result {
    const ledger = this.#current(now);
    try {
      const result = this.#transactions.run(now, () => {
        const ran = run(ledger);
        if (ledger.save() || isLifeDue) this.#saveLife(ledger, now);
        return ran;
      });
      ledger.saved();
      this.#acknowledge(ledger.progress);
      return result;
    } catch (error) {
      this.#unsaved = ledger.unsaved();
      this.#ledger = undefined;
      throw error;
    }
  }

  #acknowledge(progress: Progress): void {
    const { row, changes } = this.#acknowledged;
    if (progress.row === row && progress.changes === changes) return;
    this.#witness.write(progress);
    this.#acknowledged = progress;
    this.#isWitnessOld = true;
  }

  /** Once per sweep, if anything happened: a copy from before then cannot be put back unnoticed. */
  #renameWitness(): void {
    if (!this.#isWitnessOld) return;
    const before = this.#witness.path;
    this.#witness.rename();
    this.#held.move(before, this.#witness.path);
    this.#isWitnessOld = false;
  }
}

function placed({ entered, place }: ReturnType<FiledLedger["enter"]>): Placed {
  if (entered.outcome === "duplicate") return entered;
  if (entered.outcome === "refused") {
    return { outcome: "refused", code: entered.error.code, message: entered.error.message };
  }
  if (place === undefined) throw new Error("what was stored has no place");
  return { outcome: "stored", ...place };
}
