import type { ChannelName } from "../../../protocol/channel-name.ts";
import { present } from "../../../protocol/codec.ts";
import type { Draft } from "../../../protocol/publication.ts";
import { Ring, type RingMeasure } from "../../lib/ring.ts";
import { costOf } from "../cost-of.ts";
import type { KeptChannel } from "../ledger/kept-channel.ts";
import { type Entered, Ledger, type Place } from "../ledger/ledger.ts";
import type { HistoryRules, LogEntry } from "../log.ts";
import type { LogLimits } from "../log-limits.ts";
import { scopedId } from "../scoped-id.ts";
import { Deletions, dropsPerSlice } from "./deletions.ts";
import type { Expectation } from "./expectation.ts";
import type { HistoryFile } from "./history-file.ts";
import { LedgerLoader } from "./ledger-loader.ts";
import { LoadAudit } from "./load-audit.ts";
import type { PublicationRef, StoredChannel } from "./publication-ref.ts";
import { formatBody } from "./stored-body.ts";
import type { Placed } from "./thread-messages.ts";
import type { Progress } from "./witness.ts";

/**
 * A ledger whose publications are in a file, with the changes that are not in the file yet.
 *
 * Invariant: after a transaction with calls to `enter` and then `save`, file and ledger agree. When a transaction fails, the
 * ledger is ahead of the file and can no longer be used: a new one is loaded.
 */
export class StoredLedger {
  readonly #file: HistoryFile;
  readonly #idWindowMs: number;
  readonly #ledger: Ledger<PublicationRef>;
  readonly #channels = new Map<ChannelName, StoredChannel>();
  #changed = new Set<StoredChannel>();
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
      make: (draft, place, _, now) => this.#write(draft, place, now),
      makeItems: () => new Ring(refMeasure),
      onDrop: (item) => this.#deletions.add(item),
      onOpen: (kept) => this.#open(kept),
      onForget: ({ name }) => this.#forget(name),
      onRenew: ({ name }) => this.#change(name),
      onRulesChange: ({ name }) => this.#change(name),
    });
  }

  /**
   * Reads the file and compares it with the expectation. In doubt all channels get new epochs, which are valid once
   * `applyAudit` and `save` are committed.
   * @throws SQLiteError, DamagedHistory
   */
  static load(
    file: HistoryFile,
    limits: LogLimits,
    now: number,
    expectation: Expectation,
  ): { readonly ledger: StoredLedger; readonly audit: LoadAudit } {
    const ledger = new StoredLedger(file, limits);
    const audit = new LoadAudit(expectation);
    ledger.#load(audit, now);
    ledger.#changes = Math.max(expectation.state?.changes ?? 0, expectation.witness?.changes ?? 0);
    return { ledger, audit };
  }

  /** The rules of all channels that keep publications. */
  *channelRules(): Iterable<readonly [ChannelName, HistoryRules]> {
    for (const [name, { kept }] of this.#channels) if (kept.kept.length > 0) yield [name, kept.rules];
  }

  /** Inside a transaction: deletes damaged rows and corrects the count of deleted publications. */
  applyAudit({ damagedRows, damagedIds, damagedChannels, intact, missing, lastRow }: LoadAudit): void {
    for (const row of damagedRows) this.#file.dropPublication(row);
    for (const row of damagedIds) this.#file.dropId(row);
    for (const number of damagedChannels) this.#file.dropChannel(number);
    this.#deletions.count = lastRow - intact - missing;
  }

  get ledger(): Pick<Ledger<PublicationRef>, "read" | "tops" | "summary" | "list" | "setRules"> {
    return this.#ledger;
  }

  /** Inside a transaction. @returns the result, with the place if the draft is stored. */
  enter(
    entry: LogEntry,
    now: number,
    timestamp: number,
  ): { readonly entered: Entered<PublicationRef>; readonly place: Place | undefined } {
    this.#place = undefined;
    const entered = this.#ledger.enter(entry.draft, entry.rules, now, timestamp);
    return { entered, place: this.#place };
  }

  /** The progress after all entries so far. */
  get progress(): Progress {
    return { row: this.#nextRow - 1, changes: this.#changes };
  }

  /** How many publications were ever deleted from the file. */
  get deleted(): number {
    return this.#deletions.count;
  }

  /** Whether `save` has something to write. */
  get isAhead(): boolean {
    return this.#changed.size > 0 || this.#forgotten.length > 0;
  }

  /** Whether so many deletions are pending that appends have to help. */
  get isBehind(): boolean {
    return this.#deletions.isBehind;
  }

  /**
   * Inside a transaction: writes the changed channels.
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

  /** The transaction that called `save` is committed. */
  saved(): void {
    this.#forgotten = [];
    for (const channel of this.#changed) channel.saved = channel.kept.rules;
    this.#changed = new Set();
  }

  /** Channels whose epoch clients may know, and that are not in the file yet. */
  unsaved(): readonly KeptChannel<PublicationRef>[] {
    return Array.from(this.#changed)
      .filter(({ saved }) => saved === undefined)
      .map(({ kept }) => kept);
  }

  /** Adds a channel that the file does not contain, with its epoch. */
  adopt({ name, epoch }: KeptChannel<PublicationRef>, now: number): void {
    if (!this.#channels.has(name)) this.#open(this.#ledger.openAt(name, { epoch, offset: 0 }, now));
  }

  /** Drops some expired items, in memory only. @returns whether the sweep is complete. */
  sweep(now: number, steps: number): boolean {
    return this.#ledger.sweep(now, steps);
  }

  /** Inside a transaction: deletes expired ids. @returns whether none is left */
  dropIds(now: number): boolean {
    const ids = this.#file.dropIdsBefore(now - this.#idWindowMs, dropsPerSlice);
    return ids < dropsPerSlice;
  }

  /** Inside a transaction: deletes some dropped publications from the file. @returns whether none is left. */
  dropSlice(): boolean {
    const before = this.#deletions.count;
    const channels = this.#deletions.deleteSlice(this.#file);
    if (this.#deletions.count !== before) this.#hasDropped = true;
    // A channel's numbering must outlive its publications.
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

  #write(draft: Draft, place: Place, now: number): PublicationRef {
    const channel = this.#channels.get(draft.channel);
    if (channel === undefined) throw new Error(`the channel ${draft.channel} has no number`);
    this.#place = place;
    const row = this.#nextRow++;
    const { id, epoch, offset, timestamp } = place;
    const body = formatBody(draft, id);
    // Control characters are longer in the file than in memory, and both have limits.
    const size = Math.max(costOf(draft), body.length);
    this.#file.addPublication({ row, channel: channel.number, offset, storedAt: now, timestamp, size, body });
    const scoped = scopedId(draft);
    if (scoped !== undefined) {
      this.#file.addId({ row, channel: draft.channel, id: JSON.stringify(scoped), epoch, offset, storedAt: now });
    }
    if (!isSame(channel.saved, channel.kept.rules)) this.#changed.add(channel);
    return { row, offset, at: now, timestamp, size, channel, isDamaged: false };
  }

  #open(kept: KeptChannel<PublicationRef>): void {
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

  #saveChannel({ number, kept, droppedThrough }: StoredChannel): void {
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

const refMeasure: RingMeasure<PublicationRef> = { bytesOf: ({ size }) => size, timeOf: ({ at }) => at };

/** The result of a draft, as it is sent to the log. */
export function placed({ entered, place }: ReturnType<StoredLedger["enter"]>): Placed {
  if (entered.outcome === "duplicate") return entered;
  if (entered.outcome === "refused") {
    const { code, message, retryAfterMs } = entered.error;
    return { outcome: "refused", code, message, ...present({ retryAfterMs }) };
  }
  if (place === undefined) throw new Error("a stored publication has no position");
  return { outcome: "stored", ...place };
}
