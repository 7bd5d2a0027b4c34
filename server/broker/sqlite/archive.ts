import { join } from "node:path";
import type { ChannelName } from "../../../protocol/channel-name.ts";
import type { Position, Since } from "../../../protocol/position.ts";
import type { KeptChannel } from "../ledger/kept-channel.ts";
import type { ChannelSummary, HistoryRules, ReadOptions } from "../log.ts";
import type { LogLimits } from "../log-limits.ts";
import { expect, nothingExpected } from "./expectation.ts";
import type { HistoryFile } from "./history-file.ts";
import type { LoadAudit } from "./load-audit.ts";
import { historyFileName } from "./open-database.ts";
import { OpenFiles } from "./open-files.ts";
import type { PublicationRef } from "./publication-ref.ts";
import { toStorageError } from "./storage-error.ts";
import { placed, StoredLedger } from "./stored-ledger.ts";
import type { AppendRequest, Placed, StoredPublication, StoredStretch, TopsOptions } from "./thread-messages.ts";
import { Transactions } from "./transactions.ts";
import { type Progress, Witness } from "./witness.ts";

/** Channels, ids and publications per slice: a few milliseconds. */
const sweepSteps = 10_000;

/** Dependencies of an archive. */
export interface ArchiveParts {
  readonly directory: string;
  /** Open, and used by this archive alone. */
  readonly file: HistoryFile;
  /** The file was just created, or comes from a version without a witness. It is not compared with one. */
  readonly isNew: boolean;
  readonly limits: LogLimits;
  /** The log's steady time and the wall clock's, milliseconds since 1970. */
  readonly now: number;
  readonly wall: number;
}

/**
 * Keeps a ledger and its file consistent: every answer is committed.
 *
 * When a transaction fails, the ledger is ahead of the file. It is discarded and loaded from the file again, so that no
 * offset is skipped or assigned twice. Drafts are then refused until writing works again: an empty append tries at once, any
 * other append one second after the last failure. Reads keep working in the meantime.
 *
 * Times in the file are in history time. It advances with the log's steady time, and over a restart by as much as the wall
 * clock advanced. So setting the wall clock while the server runs changes no age.
 *
 * @throws errors of the file, from every method.
 */
export class Archive {
  readonly #directory: string;
  readonly #file: HistoryFile;
  readonly #limits: LogLimits;
  readonly #runId: string;
  readonly #witness: Witness;
  readonly #openFiles: OpenFiles;
  readonly #transactions: Transactions;
  /** Added to the log's steady time, this gives the history time. */
  readonly #shiftMs: number;
  #wall: number;
  #ledger: StoredLedger | undefined;
  #acknowledged: Progress;
  /** Whether publications were stored since the state was saved. */
  #isUnsaved = false;
  /** Whether the witness was written since it was renamed. */
  #isWitnessOld = false;
  #notes: string[] = [];
  /** Channels whose epoch clients may know, but that were not saved when the ledger was discarded. */
  #unsaved: readonly KeptChannel<PublicationRef>[] = [];

  /** Loads the history and begins a new run. */
  constructor({ directory, file, isNew, limits, now, wall }: ArchiveParts) {
    this.#directory = directory;
    this.#file = file;
    this.#openFiles = new OpenFiles(directory);
    this.#transactions = new Transactions(file, this.#openFiles);
    this.#limits = limits;
    this.#wall = wall;
    const found = Witness.find(directory);
    const state = file.state();
    this.#shiftMs = (state === undefined || isNew ? wall : state.savedAt + Math.max(0, wall - state.savedWall)) - now;
    const expectation = isNew ? nothingExpected(state) : expect(state, found);
    const { ledger, audit } = StoredLedger.load(file, limits, now + this.#shiftMs, expectation);
    this.#runId = crypto.randomUUID();
    this.#witness = Witness.make(directory, { runId: this.#runId, ...ledger.progress });
    this.#transactions.run(now, () => this.#applyAudit(ledger, audit, now));
    ledger.saved();
    this.#witness.settle(found);
    this.#ledger = ledger;
    this.#acknowledged = ledger.progress;
    if (isNew && found.some(({ isSettled }) => isSettled))
      this.#note("its history is gone: all channels start new epochs");
    const path = join(directory, historyFileName);
    this.#openFiles.add(path, `${path}-wal`, this.#witness.path);
  }

  /** The rules of all channels that keep publications. */
  channelRules(now: number): readonly (readonly [ChannelName, HistoryRules])[] {
    return Array.from(this.#current(now).channelRules());
  }

  /** Sets the rules of channels. They apply at once. */
  setRules(rules: readonly (readonly [ChannelName, HistoryRules])[], now: number): void {
    this.#write(now, ({ ledger }) => {
      for (const [channel, its] of rules) ledger.setRules(channel, its, now + this.#shiftMs);
    });
  }

  /** Findings about the file since the last call, as sentences for the log. */
  takeNotes(): readonly string[] {
    const notes = this.#notes;
    this.#notes = [];
    return notes;
  }

  /** Stores all requests in one transaction. @returns the result of each entry of each request. */
  append(requests: readonly AppendRequest[], now: number): readonly (readonly Placed[])[] {
    const isEmpty = requests.every(({ entries }) => entries.length === 0);
    const isProbe = requests.some(({ entries }) => entries.length === 0);
    this.#transactions.checkWritable(now, isProbe);
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
   * Damaged publications are gaps: the page ends before the gap, or begins after it. With `last`, it always begins after
   * the gap.
   */
  read(channel: ChannelName, since: Since, options: ReadOptions, now: number): StoredStretch {
    const { ledger } = this.#current(now);
    const stretch = ledger.read(channel, since, options, now + this.#shiftMs);
    let { gap, items } = stretch;
    const publications: StoredPublication[] = [];
    while (items.length > 0) {
      for (const item of items) {
        const publication = this.#publication(item);
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
      items = ledger.read(channel, { from: "position", position }, options, now + this.#shiftMs).items;
    }
    return { top: stretch.top, gap, publications };
  }

  /** @throws ServiceError "too-many-channels" */
  tops(
    channels: readonly ChannelName[],
    now: number,
    { seen, publisher }: TopsOptions = {},
  ): ReadonlyMap<ChannelName, Position> {
    if (seen === undefined) return this.#current(now).ledger.tops(channels, now + this.#shiftMs, undefined, publisher);
    // Without a write, a new epoch that clients know would be replaced by another one after a restart.
    return this.#write(now, ({ ledger }) => ledger.tops(channels, now + this.#shiftMs, seen, publisher));
  }

  summary(channel: ChannelName, now: number): ChannelSummary | undefined {
    return this.#current(now).ledger.summary(channel, now + this.#shiftMs);
  }

  list(prefix: string, after: string, limit: number, now: number): readonly ChannelSummary[] {
    return this.#current(now).ledger.list(prefix, after, limit, now + this.#shiftMs);
  }

  /** Drops some expired publications. @returns whether nothing is left to do. */
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

  /** Writes all unsaved changes. The archive cannot be used afterwards, even if that fails. */
  close(now: number, wall: number): void {
    try {
      this.#wall = wall;
      if (this.#ledger !== undefined && !this.#transactions.hasFailed) this.#write(now, () => {}, true);
    } finally {
      this.#file.close();
      this.#witness.close();
    }
  }

  #publication(item: PublicationRef): StoredPublication | undefined {
    if (item.isDamaged) return undefined;
    const { row, offset, timestamp } = item;
    const body = this.#bodyOf(row);
    if (body !== undefined) return { offset, timestamp, body };
    item.isDamaged = true;
    this.#note(`message ${offset} of channel ${item.channel.kept.name} is damaged, and left out as a gap`);
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

  #current(now: number): StoredLedger {
    if (this.#ledger !== undefined) return this.#ledger;
    const expectation = { state: this.#file.state(), witness: this.#acknowledged, doubt: undefined };
    const { ledger, audit } = StoredLedger.load(this.#file, this.#limits, now + this.#shiftMs, expectation);
    for (const channel of this.#unsaved) ledger.adopt(channel, now + this.#shiftMs);
    if (audit.doubt !== undefined || audit.findings.length > 0) {
      this.#transactions.run(now, () => this.#applyAudit(ledger, audit, now));
      ledger.saved();
    } else ledger.applyAudit(audit);
    this.#unsaved = [];
    this.#ledger = ledger;
    return ledger;
  }

  /** Inside a transaction: writes the findings of the load to the file. */
  #applyAudit(ledger: StoredLedger, audit: LoadAudit, now: number): void {
    ledger.applyAudit(audit);
    ledger.save();
    this.#saveState(ledger, now);
    if (audit.doubt !== undefined) this.#note(`${audit.doubt}: all channels start new epochs`);
    for (const finding of audit.findings) this.#note(finding);
  }

  #saveState(ledger: StoredLedger, now: number): void {
    const { row: lastRow, changes } = ledger.progress;
    const { identity } = this.#witness;
    const saved = { savedAt: now + this.#shiftMs, savedWall: this.#wall };
    const run = { runId: this.#runId, witness: identity };
    this.#file.saveState({ ...run, changes, deleted: ledger.deleted, lastRow, ...saved });
    this.#isUnsaved = false;
  }

  /** Runs a transaction on ledger and file. If it fails, the ledger is discarded. */
  #write<Result>(now: number, run: (ledger: StoredLedger) => Result, isStateDue = false): Result {
    const ledger = this.#current(now);
    try {
      const result = this.#transactions.run(now, () => {
        const ran = run(ledger);
        if (ledger.save() || isStateDue) this.#saveState(ledger, now);
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

  /** Renames the witness once per sweep if it was written, so that restoring an older copy is detected. */
  #renameWitness(): void {
    if (!this.#isWitnessOld) return;
    const before = this.#witness.path;
    this.#witness.rename();
    this.#openFiles.move(before, this.#witness.path);
    this.#isWitnessOld = false;
  }
}
