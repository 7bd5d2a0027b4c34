import type { ChannelName } from "../../../protocol/channel-name.ts";
import type { Draft } from "../../../protocol/publication.ts";
import { costOf } from "../cost-of.ts";
import type { KeptChannel } from "../ledger/kept-channel.ts";
import { type Entered, Ledger, type Place } from "../ledger/ledger.ts";
import type { HistoryRules, LogEntry } from "../log.ts";
import type { LogLimits } from "../log-limits.ts";
import { Deletions, dropsPerSlice } from "./deletions.ts";
import type { Expectation } from "./expectation.ts";
import type { Filed, FiledChannel } from "./filed.ts";
import type { HistoryFile } from "./history-file.ts";
import { LedgerLoader } from "./ledger-loader.ts";
import { LoadAudit } from "./load-audit.ts";
import { formatBody } from "./stored-body.ts";
import type { Progress } from "./witness.ts";

/**
 * A ledger whose publications lie in a file, and what the file has yet to learn of it.
 *
 * Invariant: with a transaction that writes what `enter` writes and then `save`, the file says what the ledger does. When
 * a transaction fails the ledger is ahead of the file, and of no more use: another one is loaded.
 */
export class FiledLedger {
  readonly #file: HistoryFile;
  readonly #idWindowMs: number;
  readonly #ledger: Ledger<Filed>;
  readonly #channels = new Map<ChannelName, FiledChannel>();
  #changed = new Set<FiledChannel>();
  #forgotten: number[] = [];
  readonly #deletions = new Deletions();
  #nextNumber = 1;
  #nextRow = 1;
  #changes = 0;
  #hasDropped = false;
  #place: Place | undefined;

  private constructor(file: HistoryFile, limits: LogLimits) {
    this.#file = file;
    this.#idWindowMs = limits.idWindowMs;
    this.#ledger = new Ledger(limits, {
      make: (draft, place, now) => this.#write(draft, place, now),
      measure: { bytesOf: ({ size }) => size, timeOf: ({ at }) => at },
      onDrop: (filed) => this.#deletions.add(filed),
      onOpen: (kept) => this.#open(kept),
      onForget: ({ name }) => this.#forget(name),
      onRenew: ({ name }) => this.#change(name),
      onGovern: ({ name }) => this.#change(name),
    });
  }

  /**
   * Reads everything that the file knows, and compares it with what is expected of it. In doubt all channels get new epochs,
   * which count once `mend` and `save` are committed.
   * @throws SQLiteError, DamagedHistory
   */
  static load(
    file: HistoryFile,
    limits: LogLimits,
    now: number,
    expectation: Expectation,
  ): { readonly ledger: FiledLedger; readonly audit: LoadAudit } {
    const ledger = new FiledLedger(file, limits);
    const audit = new LoadAudit(expectation);
    ledger.#load(audit, now);
    ledger.#changes = Math.max(expectation.life?.changes ?? 0, expectation.witness?.changes ?? 0);
    return { ledger, audit };
  }

  /** Channels that keep something, and by which rules. */
  *governed(): Iterable<readonly [ChannelName, HistoryRules]> {
    for (const [name, { kept }] of this.#channels) if (kept.kept.length > 0) yield [name, kept.rules];
  }

  /** Inside a transaction: deletes what was found damaged, and counts anew. */
  mend({ damagedRows, damagedIds, damagedChannels, intact, missing, lastRow }: LoadAudit): void {
    for (const row of damagedRows) this.#file.dropPublication(row);
    for (const row of damagedIds) this.#file.dropId(row);
    for (const number of damagedChannels) this.#file.dropChannel(number);
    this.#deletions.count = lastRow - intact - missing;
  }

  get ledger(): Pick<Ledger<Filed>, "read" | "tops" | "summary" | "list" | "govern"> {
    return this.#ledger;
  }

  /** Inside a transaction. @returns what became of it, with its place if it is stored. */
  enter(
    entry: LogEntry,
    now: number,
    timestamp: number,
  ): { readonly entered: Entered<Filed>; readonly place: Place | undefined } {
    this.#place = undefined;
    const entered = this.#ledger.enter(entry, now, timestamp);
    return { entered, place: this.#place };
  }

  /** How far it has come with all that was entered. */
  get progress(): Progress {
    return { row: this.#nextRow - 1, changes: this.#changes };
  }

  /** Publications so far that were deleted from the file. */
  get deleted(): number {
    return this.#deletions.count;
  }

  /** Whether `save` has something to write. */
  get isAhead(): boolean {
    return this.#changed.size > 0 || this.#forgotten.length > 0;
  }

  /** Whether so much waits to be deleted that appends have to help. */
  get isBehind(): boolean {
    return this.#deletions.isBehind;
  }

  /**
   * Inside a transaction: writes what changed about the channels.
   * @returns whether that, or a deletion before it, makes this transaction one of `changes`
   */
  save(): boolean {
    const isChange = this.isAhead || this.#hasDropped;
    for (const number of this.#forgotten) this.#file.dropChannel(number);
    for (const channel of this.#changed) this.#saveChannel(channel);
    if (isChange) this.#changes++;
    this.#hasDropped = false;
    return isChange;
  }

  /** The transaction with `save` in it is committed. */
  saved(): void {
    this.#forgotten = [];
    for (const channel of this.#changed) channel.saved = channel.kept.rules;
    this.#changed = new Set();
  }

  /** Channels that were answered with their epoch and are not in the file yet. */
  unsaved(): readonly KeptChannel<Filed>[] {
    return Array.from(this.#changed)
      .filter(({ saved }) => saved === undefined)
      .map(({ kept }) => kept);
  }

  /** Goes on with the epoch of a channel that the file does not know. */
  takeOver({ name, epoch }: KeptChannel<Filed>, now: number): void {
    if (!this.#channels.has(name)) this.#open(this.#ledger.restore(name, { epoch, offset: 0 }, now));
  }

  /** A part of what is over its time, in memory only. @returns whether all was looked at. */
  sweep(now: number, steps: number): boolean {
    return this.#ledger.sweep(now, steps);
  }

  /** Inside a transaction: deletes ids whose time is over. @returns whether none is left */
  dropIds(now: number): boolean {
    const ids = this.#file.dropIdsBefore(now - this.#idWindowMs, dropsPerSlice);
    return ids < dropsPerSlice;
  }

  /** Inside a transaction: deletes some of what nobody can read from the file. @returns whether nothing is left of it. */
  dropSlice(): boolean {
    const before = this.#deletions.count;
    const channels = this.#deletions.deleteSlice(this.#file);
    if (this.#deletions.count !== before) this.#hasDropped = true;
    // The numbering has to outlive its publications.
    for (const channel of channels) {
      if (this.#channels.get(channel.kept.name) === channel) this.#saveChannel(channel);
    }
    return this.#deletions.isEmpty;
  }

  #load(audit: LoadAudit, now: number): void {
    const target = { file: this.#file, ledger: this.#ledger, channels: this.#channels, changed: this.#changed };
    const loader = new LedgerLoader({ ...target, deletions: this.#deletions, audit, idWindowMs: this.#idWindowMs });
    const { nextRow, nextNumber } = loader.load(now);
    this.#nextRow = nextRow;
    this.#nextNumber = nextNumber;
  }

  #write(draft: Draft, place: Place, now: number): Filed {
    const channel = this.#channels.get(draft.channel);
    if (channel === undefined) throw new Error(`the channel ${draft.channel} has no number`);
    this.#place = place;
    const row = this.#nextRow++;
    const { id, epoch, offset, timestamp } = place;
    const body = formatBody(draft, id);
    // Control characters are longer in the file than in memory; both are bounded.
    const size = Math.max(costOf(draft), body.length);
    this.#file.addPublication({ row, channel: channel.number, offset, storedAt: now, timestamp, size, body });
    if (draft.id !== undefined) {
      this.#file.addId({ row, channel: draft.channel, id: JSON.stringify(id), epoch, offset, storedAt: now });
    }
    if (!isSame(channel.saved, channel.kept.rules)) this.#changed.add(channel);
    return { row, offset, at: now, timestamp, size, channel, isDamaged: false };
  }

  #open(kept: KeptChannel<Filed>): void {
    const channel = { number: this.#nextNumber++, kept, saved: undefined, droppedThrough: 0 };
    this.#channels.set(kept.name, channel);
    this.#changed.add(channel);
  }

  #change(name: ChannelName): void {
    const channel = this.#channels.get(name);
    if (channel !== undefined) this.#changed.add(channel);
  }

  #forget(name: ChannelName): void {
    const channel = this.#channels.get(name);
    if (channel === undefined) return;
    this.#channels.delete(name);
    this.#changed.delete(channel);
    this.#forgotten.push(channel.number);
  }

  #saveChannel({ number, kept, droppedThrough }: FiledChannel): void {
    const { name, epoch, top, droppedUntil, rules } = kept;
    const until = Number.isFinite(droppedUntil) ? droppedUntil : null;
    this.#file.saveChannel({ number, name, epoch, top, droppedUntil: until, droppedThrough, ...rules });
  }
}

function isSame(a: HistoryRules | undefined, b: HistoryRules): boolean {
  return (
    a === b || (a?.historySize === b.historySize && a.historyTtl === b.historyTtl && a.historyBytes === b.historyBytes)
  );
}
