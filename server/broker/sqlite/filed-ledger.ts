import type { ChannelName } from "../../../protocol/channel-name.ts";
import type { Draft } from "../../../protocol/publication.ts";
import { costOf } from "../cost-of.ts";
import type { KeptChannel } from "../ledger/kept-channel.ts";
import { type Entered, Ledger, type Place } from "../ledger/ledger.ts";
import type { HistoryRules, LogEntry } from "../log.ts";
import type { LogLimits } from "../log-limits.ts";
import type { HistoryFile, PublicationPlace } from "./history-file.ts";
import { DamagedHistory } from "./storage-error.ts";
import { formatBody } from "./stored-body.ts";

/** A publication in the file, as the ledger keeps it. */
export interface Filed {
  readonly row: number;
  readonly offset: number;
  readonly at: number;
  readonly size: number;
  readonly channel: FiledChannel;
}

interface FiledChannel {
  readonly number: number;
  readonly kept: KeptChannel<Filed>;
  /** The rules that stand in the file; undefined as long as the channel does not. */
  saved: HistoryRules | undefined;
}

/** Rows per slice: where they are far apart each one costs a page, and an append waits for the slice: 20 ms then. */
const dropsPerSlice = 1000;
/** With more waiting than 32 slices of them they grow up to this, so that the file does not grow for ever. */
const mostDropsPerSlice = 5000;

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
  /** What nobody can read any more, in an order in which those of one channel go oldest first. */
  #dropped: { readonly row: number; readonly channel: FiledChannel | undefined }[] = [];
  #nextNumber = 1;
  #nextRow = 1;
  #place: Place | undefined;

  private constructor(file: HistoryFile, limits: LogLimits) {
    this.#file = file;
    this.#idWindowMs = limits.idWindowMs;
    this.#ledger = new Ledger(limits, {
      make: (draft, place) => this.#write(draft, place),
      measure: { bytesOf: ({ size }) => size, timeOf: ({ at }) => at },
      onDrop: (filed) => this.#dropped.push(filed),
      onOpen: (kept) => this.#open(kept),
      onForget: ({ name }) => this.#forget(name),
      onRenew: ({ name }) => this.#renew(name),
    });
  }

  /** Reads everything that the file knows. @throws SQLiteError, DamagedHistory */
  static load(file: HistoryFile, limits: LogLimits, now: number): FiledLedger {
    const filed = new FiledLedger(file, limits);
    filed.#load(now);
    return filed;
  }

  get ledger(): Pick<Ledger<Filed>, "read" | "tops" | "summary" | "list"> {
    return this.#ledger;
  }

  /** Inside a transaction. @returns what became of it, with its place if it is stored. */
  enter(entry: LogEntry, now: number): { readonly entered: Entered<Filed>; readonly place: Place | undefined } {
    this.#place = undefined;
    const entered = this.#ledger.enter(entry, now);
    return { entered, place: this.#place };
  }

  /** Whether `save` has something to write. */
  get isAhead(): boolean {
    return this.#changed.size > 0 || this.#forgotten.length > 0;
  }

  /** Inside a transaction: writes what changed about the channels. */
  save(): void {
    for (const number of this.#forgotten) this.#file.dropChannel(number);
    for (const channel of this.#changed) this.#saveChannel(channel);
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

  /** Inside a transaction: takes some of what nobody can read out of the file. @returns whether nothing is left of it. */
  dropSlice(now: number): boolean {
    const ids = this.#file.dropIdsBefore(now - this.#idWindowMs, dropsPerSlice);
    const count = Math.min(mostDropsPerSlice, Math.max(dropsPerSlice, this.#dropped.length >> 5));
    const slice = this.#dropped.splice(0, count).sort((a, b) => a.row - b.row);
    for (const { row } of slice) this.#file.dropPublication(row);
    // The numbering has to outlive its publications.
    for (const channel of new Set(slice.map((it) => it.channel))) {
      if (channel !== undefined && this.#channels.get(channel.kept.name) === channel) this.#saveChannel(channel);
    }
    return this.#dropped.length === 0 && ids < dropsPerSlice;
  }

  #write(draft: Draft, place: Place): Filed {
    const channel = this.#channels.get(draft.channel);
    if (channel === undefined) throw new Error(`the channel ${draft.channel} has no number`);
    this.#place = place;
    const row = this.#nextRow++;
    const { id, epoch, offset, timestamp: storedAt } = place;
    const size = costOf(draft);
    this.#file.addPublication({ row, channel: channel.number, offset, storedAt, size, body: formatBody(draft, id) });
    if (draft.id !== undefined) {
      this.#file.addId({ row, channel: draft.channel, id: JSON.stringify(id), epoch, offset, storedAt });
    }
    if (!isSame(channel.saved, channel.kept.rules)) this.#changed.add(channel);
    return { row, offset, at: storedAt, size, channel };
  }

  #open(kept: KeptChannel<Filed>): void {
    const channel = { number: this.#nextNumber++, kept, saved: undefined };
    this.#channels.set(kept.name, channel);
    this.#changed.add(channel);
  }

  #renew(name: ChannelName): void {
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

  #saveChannel({ number, kept }: FiledChannel): void {
    const { name, epoch, top, droppedUntil, rules } = kept;
    const until = Number.isFinite(droppedUntil) ? droppedUntil : null;
    this.#file.saveChannel({ number, name, epoch, top, droppedUntil: until, ...rules });
  }

  #load(now: number): void {
    const byNumber = this.#loadChannels(now);
    for (const place of this.#file.places()) {
      this.#nextRow = place.row + 1;
      // A number must not be given again while there are rows of the channel that had it.
      this.#nextNumber = Math.max(this.#nextNumber, place.channel + 1);
      const channel = byNumber.get(place.channel);
      if (channel === undefined) this.#dropped.push({ row: place.row, channel: undefined });
      else this.#loadPlace(channel, place, now);
    }
    for (const { row, channel, id, epoch, offset, storedAt } of this.#file.ids()) {
      this.#nextRow = Math.max(this.#nextRow, row + 1);
      if (now - storedAt > this.#idWindowMs) continue;
      // Both were written by this program from a name and an id that it had been given.
      this.#ledger.restoreId(channel as ChannelName, JSON.parse(id), { epoch, offset }, storedAt);
    }
  }

  #loadChannels(now: number): ReadonlyMap<number, FiledChannel> {
    const byNumber = new Map<number, FiledChannel>();
    for (const { number, name, epoch, top, droppedUntil, ...rules } of this.#file.channels()) {
      if (this.#channels.has(name as ChannelName)) throw new DamagedHistory(`there are two channels ${name}`);
      const kept = this.#ledger.restore(name as ChannelName, { epoch, offset: top }, now);
      kept.rules = rules;
      kept.droppedUntil = droppedUntil ?? Number.NEGATIVE_INFINITY;
      const channel = { number, kept, saved: rules };
      this.#channels.set(kept.name, channel);
      byNumber.set(number, channel);
      this.#nextNumber = number + 1;
    }
    return byNumber;
  }

  #loadPlace(channel: FiledChannel, { row, offset, storedAt, size }: PublicationPlace, now: number): void {
    const { kept } = channel;
    if (kept.kept.length > 0 && offset !== kept.top + 1) {
      throw new DamagedHistory(`in ${kept.name} offset ${offset} follows on ${kept.top}`);
    }
    this.#ledger.open(kept.name, now); // so that the channel that was published to last is the last to give way
    this.#ledger.restoreItem(kept, offset, { row, offset, at: storedAt, size, channel }, now);
  }
}

function isSame(a: HistoryRules | undefined, b: HistoryRules): boolean {
  return (
    a === b || (a?.historySize === b.historySize && a.historyTtl === b.historyTtl && a.historyBytes === b.historyBytes)
  );
}
