import type { ChannelName } from "../../../protocol/channel-name.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { newEpoch } from "../new-epoch.ts";
import type { Deletions } from "./deletions.ts";
import type { HistoryFile } from "./history-file.ts";
import type { LoadAudit } from "./load-audit.ts";
import { noRow, type PublicationRef, type StoredChannel } from "./publication-ref.ts";
import type { Audited, ChannelRow, IdRow, PublicationPlace } from "./rows.ts";
import { DamagedHistory } from "./storage-error.ts";

/** The source and the target of a load. */
export interface LoadTarget {
  readonly file: HistoryFile;
  readonly ledger: Ledger<PublicationRef>;
  readonly channels: Map<ChannelName, StoredChannel>;
  /** Receives the channels whose row in the file must be written again. */
  readonly changed: Set<StoredChannel>;
  readonly deletions: Deletions;
  readonly audit: LoadAudit;
  readonly idWindowMs: number;
}

/** The next numbers to assign. */
export interface Loaded {
  readonly nextRow: number;
  readonly nextNumber: number;
}

/**
 * Reads a whole file into a ledger. Damaged rows are left out and counted. If the counts do not add up, all channels get new
 * epochs.
 */
export class LedgerLoader {
  readonly #target: LoadTarget;
  #nextNumber = 1;

  constructor(target: LoadTarget) {
    this.#target = target;
  }

  /** @throws SQLiteError, DamagedHistory */
  load(now: number): Loaded {
    const { audit } = this.#target;
    const byNumber = this.#loadChannels(now);
    for (const place of this.#target.file.places()) this.#loadPlace(place, byNumber.get(place.channel), now);
    for (const channel of byNumber.values()) this.#loadEnd(channel, now);
    const ids: IdRow[] = [];
    for (const { isIntact, ...id } of this.#target.file.ids()) {
      if (!isIntact) audit.damagedIds.push(id.row);
      else {
        audit.noteRow(id.row);
        if (now - id.storedAt <= this.#target.idWindowMs) ids.push(id);
      }
    }
    const renewed = audit.doubt === undefined ? noneRenewed : this.#renewAll();
    for (const { channel, id, epoch, offset, storedAt } of ids) {
      // The checksum was right, so both texts are as this program wrote them.
      const position = { epoch: renewed.get(epoch) ?? epoch, offset };
      this.#target.ledger.restoreId(channel as ChannelName, JSON.parse(id), position, storedAt);
    }
    return { nextRow: audit.lastRow + 1, nextNumber: this.#nextNumber };
  }

  #loadChannels(now: number): ReadonlyMap<number, LoadedChannel> {
    const byNumber = new Map<number, LoadedChannel>();
    for (const row of this.#target.file.channels()) {
      if (!row.isIntact) {
        this.#target.audit.damagedChannels.push(row.number);
        continue;
      }
      const channel = this.#loadChannel(row, now);
      byNumber.set(channel.number, channel);
    }
    return byNumber;
  }

  #loadChannel(row: Audited<ChannelRow>, now: number): LoadedChannel {
    const { number, epoch, top, droppedUntil, droppedThrough, historySize, historyTtl, historyBytes } = row;
    const name = row.name as ChannelName;
    if (this.#target.channels.has(name)) throw new DamagedHistory(`there are two channels ${name}`);
    const kept = this.#target.ledger.openAt(name, { epoch, offset: top }, now);
    kept.rules = { historySize, historyTtl, historyBytes };
    kept.droppedUntil = droppedUntil ?? Number.NEGATIVE_INFINITY;
    const channel = { number, kept, saved: kept.rules, droppedThrough, savedTop: top, next: droppedThrough + 1 };
    this.#target.channels.set(kept.name, channel);
    this.#nextNumber = number + 1;
    return channel;
  }

  #loadPlace(it: Audited<PublicationPlace>, channel: LoadedChannel | undefined, now: number): void {
    if (!it.isIntact) {
      this.#target.audit.damagedRows.push(it.row);
      return;
    }
    const { row, offset, storedAt, timestamp, size } = it;
    this.#target.audit.intact++;
    this.#target.audit.noteRow(row);
    // A number must not be reused while rows of its former channel are left.
    this.#nextNumber = Math.max(this.#nextNumber, it.channel + 1);
    if (channel === undefined) {
      this.#target.deletions.add({ row, offset, size, channel: undefined }); // its channel is forgotten
      return;
    }
    const { kept } = channel;
    const last = channel.next - 1;
    if (offset <= last) throw new DamagedHistory(`in ${kept.name} offset ${offset} follows on ${last}`);
    if (channel.next === channel.droppedThrough + 1) this.#beginLater(channel, offset, storedAt);
    this.#fillHole(channel, offset, storedAt, now);
    this.#target.ledger.open(kept.name, now); // so that the channel that was published to last is the last to be evicted
    channel.next = offset + 1;
    const item = { row, offset, at: storedAt, timestamp, size, channel, isDamaged: false };
    this.#target.ledger.restoreItem(kept, offset, item, { at: storedAt, now });
  }

  /** Compares with the saved top to find publications missing at the end of the channel. */
  #loadEnd(channel: LoadedChannel, now: number): void {
    const end = channel.savedTop + 1;
    if (channel.next === channel.droppedThrough + 1) this.#beginLater(channel, end, now);
    else this.#fillHole(channel, end, now, now);
  }

  /** Treats publications missing at the beginning of a channel as deleted. */
  #beginLater(channel: LoadedChannel, offset: number, at: number): void {
    if (offset <= channel.next) return;
    this.#target.audit.lost += offset - channel.next;
    channel.next = offset;
    channel.droppedThrough = offset - 1;
    channel.kept.droppedUntil = Math.max(channel.kept.droppedUntil, at);
    this.#target.changed.add(channel);
  }

  /** Adds placeholders for publications missing in between, because a ledger keeps contiguous offsets. */
  #fillHole(channel: LoadedChannel, end: number, at: number, now: number): void {
    for (; channel.next < end; channel.next++) {
      this.#target.audit.missing++;
      const offset = channel.next;
      const missing = { row: noRow, offset, at, timestamp: at, size: 0, channel, isDamaged: true };
      this.#target.ledger.restoreItem(channel.kept, offset, missing, { at, now });
    }
  }

  /** @returns the new epochs, by old epoch */
  #renewAll(): ReadonlyMap<string, string> {
    const renewed = new Map<string, string>();
    for (const channel of this.#target.channels.values()) {
      const epoch = newEpoch();
      renewed.set(channel.kept.epoch, epoch);
      channel.kept.epoch = epoch;
      this.#target.changed.add(channel);
    }
    return renewed;
  }
}

/** A channel while it is loaded. */
interface LoadedChannel extends StoredChannel {
  readonly savedTop: number;
  /** The next expected offset. */
  next: number;
}

const noneRenewed: ReadonlyMap<string, string> = new Map();
