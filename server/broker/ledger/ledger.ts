import type { ChannelName } from "../../../protocol/channel-name.ts";
import { ServiceError } from "../../../protocol/errors.ts";
import type { Position, Since } from "../../../protocol/position.ts";
import type { Draft } from "../../../protocol/publication.ts";
import { ownText } from "../../lib/own-text.ts";
import type { RingMeasure } from "../../lib/ring.ts";
import { channelCost, idCost } from "../cost-of.ts";
import type { ChannelSummary, HistoryRules, LogEntry } from "../log.ts";
import type { LogLimits } from "../log-limits.ts";
import { newEpoch } from "../new-epoch.ts";
import { firstNames } from "./first-names.ts";
import { KeptChannel, type PageBounds, type Stretch } from "./kept-channel.ts";
import { idKey, RecentIds } from "./recent-ids.ts";
import { UseOrder } from "./use-order.ts";

/** What the ledger needs from its log. */
export interface LedgerDependencies<T> {
  /** Makes the item to keep for a draft stored at `now`. `measure` must return `now` as the item's time. */
  make(draft: Draft, place: Place, now: number): T;
  readonly measure: RingMeasure<T>;
  /** A new or forgotten channel gets its first epoch. */
  onOpen?(channel: KeptChannel<T>): void;
  /** An item was dropped and can no longer be read. */
  onDrop?(item: T): void;
  /** A channel was forgotten. If it is used again, it gets a new epoch. */
  onForget?(channel: KeptChannel<T>): void;
  /** A channel got a new epoch and keeps its items. */
  onRenew?(channel: KeptChannel<T>): void;
  /** A channel got new rules without a publication. */
  onRulesChange?(channel: KeptChannel<T>): void;
}

/** Where a draft is stored. */
export interface Place extends Position {
  readonly id: string;
  /** The wall clock's time, for clients. Ages are computed from the ledger's own `now`. */
  readonly timestamp: number;
}

/** The result of entering a draft. */
export type Entered<T> =
  | { readonly outcome: "stored"; readonly item: T; readonly channel: KeptChannel<T> }
  | { readonly outcome: "duplicate"; readonly id: string; readonly position: Position }
  | { readonly outcome: "refused"; readonly error: ServiceError };

/**
 * The bookkeeping of a log: its channels, the numbering and items of each, and recent ids. It uses no clock and no file:
 * `now` is an argument of each call, and the log decides what an item is (the whole publication, or its row in a file).
 * `now` is a steady time (lib/steady-time.ts), because setting the wall clock must neither expire all history nor keep it
 * from expiring.
 *
 * Expired items are never returned. They are dropped in slices by `sweep`.
 */
export class Ledger<T> {
  readonly #dependencies: LedgerDependencies<T>;
  readonly #limits: LogLimits;
  readonly #channels = new Map<ChannelName, KeptChannel<T>>();
  /** Channels that keep items. The least recently used one loses items first when memory is full. */
  readonly #keeping = new UseOrder<KeptChannel<T>>();
  /** Channels that keep only their numbering. The least recently used one is forgotten first when there are too many. */
  readonly #idle = new UseOrder<KeptChannel<T>>();
  readonly #ids: RecentIds;
  #keptBytes = 0;
  #channelBytes = 0;
  #sweeping: Iterator<KeptChannel<T>> | undefined;

  constructor(limits: LogLimits, dependencies: LedgerDependencies<T>) {
    this.#limits = limits;
    this.#dependencies = dependencies;
    this.#ids = new RecentIds({
      windowMs: limits.idWindowMs,
      maxBytes: Math.min(limits.idBytes, limits.totalBytes / 2),
    });
  }

  /** The cost of publications, channels and ids together. */
  get bytes(): number {
    return this.#keptBytes + this.#channelBytes + this.#ids.bytes;
  }

  /** How many channels are known, and ids remembered. */
  get counts(): { readonly channels: number; readonly ids: number } {
    return { channels: this.#channels.size, ids: this.#ids.size };
  }

  /** Hot path: once per publication. Generated ids are not remembered, because no publisher retries with them. */
  enter({ draft, rules }: LogEntry, now: number, timestamp = now): Entered<T> {
    const { channel: name, id } = draft;
    const key = id === undefined ? undefined : idKey(name, id);
    if (id !== undefined && key !== undefined) {
      const position = this.#ids.find(key, now);
      if (position !== undefined) return { outcome: "duplicate", id, position };
      if (!this.#ids.hasRoom(key, now) || !this.#makeRoom(idCost(key), now))
        return { outcome: "refused", error: idsFull() };
    }
    const channel = this.open(name, now);
    if (channel === undefined) return { outcome: "refused", error: tooManyChannels(this.#channels.size) };
    this.#trim(channel, now); // items that expired under the old rules stay expired under wider ones
    const { epoch } = channel;
    const offset = ++channel.top;
    if (key !== undefined) this.#ids.remember(key, { epoch, offset }, now);
    channel.rules = rules;
    const item = this.#dependencies.make(draft, { id: id ?? crypto.randomUUID(), epoch, offset, timestamp }, now);
    this.#keep(channel, item, now);
    return { outcome: "stored", item, channel };
  }

  /** The channel, created if it is not known. Undefined if there is no room for another one. */
  open(name: ChannelName, now: number): KeptChannel<T> | undefined {
    const known = this.#channels.get(name);
    if (known !== undefined) {
      this.#orderOf(known).touch(known, now);
      return known;
    }
    if (this.#channels.size >= this.#limits.maxChannels && !this.#forgetOldest(now, this.#limits.minIdleMs)) {
      return undefined;
    }
    if (!this.#makeRoom(channelCost(name), now)) return undefined;
    const opened = this.openAt(name, { epoch: newEpoch(), offset: 0 }, now);
    this.#dependencies.onOpen?.(opened);
    return opened;
  }

  /** The items after `since`. If there is no room for a new channel, each call returns another epoch for it. */
  read(name: ChannelName, since: Since, bounds: PageBounds, now: number): Stretch<T> {
    const channel = this.open(name, now) ?? this.#make(name, { epoch: newEpoch(), offset: 0 });
    this.#trim(channel, now);
    return channel.after(since, bounds, now);
  }

  /**
   * @param seen Positions that were given out. A channel that is behind its position in the same epoch gets a new epoch.
   * @throws ServiceError "too-many-channels"
   */
  tops(
    names: readonly ChannelName[],
    now: number,
    seen?: ReadonlyMap<ChannelName, Position>,
  ): ReadonlyMap<ChannelName, Position> {
    const tops = new Map<ChannelName, Position>();
    for (const name of names) {
      const channel = this.open(name, now);
      if (channel === undefined) throw tooManyChannels(this.#channels.size);
      const given = seen?.get(name);
      if (given?.epoch === channel.epoch && given.offset > channel.top) this.#renew(channel);
      tops.set(name, channel.position);
    }
    return tops;
  }

  /** Sorted by name. Visits each channel once, and holds about `limit` names at a time. */
  list(prefix: string, after: string, limit: number, now: number): readonly ChannelSummary[] {
    return firstNames(this.#channels.keys(), prefix, after, limit).flatMap((name) => this.summary(name, now) ?? []);
  }

  /** One channel, if it is known. */
  summary(name: ChannelName, now: number): ChannelSummary | undefined {
    const channel = this.#channels.get(name);
    if (channel === undefined) return undefined;
    this.#trim(channel, now);
    return { channel: name, top: channel.position, messages: channel.kept.length };
  }

  /**
   * Drops some of the expired items, ids and channels.
   * @param steps About how many of them are visited or dropped.
   * @returns whether the sweep is complete. Otherwise the next call continues it.
   */
  sweep(now: number, steps: number): boolean {
    let left = steps - this.#ids.forgetOver(now, steps);
    while (left > 0 && this.#forgetOldest(now, this.#limits.forgetMs)) left--;
    this.#sweeping ??= this.#channels.values();
    while (left > 0) {
      const { value: channel, done } = this.#sweeping.next();
      if (done === true) {
        this.#sweeping = undefined;
        return true;
      }
      left -= 1 + this.#trim(channel, now);
    }
    return false;
  }

  /** Applies new rules at once. Items that expired under the old rules stay expired. */
  setRules(name: ChannelName, rules: HistoryRules, now: number): void {
    const channel = this.#channels.get(name);
    if (channel === undefined) return;
    this.#trim(channel, now);
    channel.rules = rules;
    this.#dependencies.onRulesChange?.(channel);
    this.#trim(channel, now);
  }

  /** Adds a channel with a given position. */
  openAt(name: ChannelName, position: Position, now: number): KeptChannel<T> {
    const channel = this.#make(ownText(name) as ChannelName, position);
    this.#channels.set(channel.name, channel);
    this.#channelBytes += channelCost(channel.name);
    this.#idle.add(channel, now);
    return channel;
  }

  /** Restores a publication and raises `top` to it. To be called in the order of the offsets. */
  restoreItem(channel: KeptChannel<T>, offset: number, item: T, now: number): void {
    channel.top = offset;
    this.#keep(channel, item, now);
  }

  /** Restores a remembered id, even if its channel is not known. To be called in the order of the times. */
  restoreId(name: ChannelName, id: string, position: Position, at: number): void {
    this.#ids.remember(idKey(name, id), position, at);
  }

  #renew(channel: KeptChannel<T>): void {
    channel.epoch = newEpoch();
    this.#dependencies.onRenew?.(channel);
  }

  #make(name: ChannelName, position: Position): KeptChannel<T> {
    return new KeptChannel(name, position, this.#dependencies.measure);
  }

  #orderOf(channel: KeptChannel<T>): UseOrder<KeptChannel<T>> {
    return channel.kept.length === 0 ? this.#idle : this.#keeping;
  }

  #keep(channel: KeptChannel<T>, item: T, now: number): void {
    if (channel.kept.length === 0) {
      this.#idle.remove(channel);
      this.#keeping.add(channel, now);
    }
    this.#keptBytes -= channel.kept.bytes;
    channel.kept.push(item);
    this.#keptBytes += channel.kept.bytes;
    this.#trim(channel, now);
    this.#makeRoom(0, now);
  }

  /**
   * Evicts from the least recently used channels, and forgets idle ones, until this many bytes are free.
   * @returns whether they are free
   */
  #makeRoom(bytes: number, now: number): boolean {
    while (this.bytes + bytes > this.#limits.totalBytes) {
      const [idle, keeping] = [this.#idle.oldest, this.#keeping.oldest];
      const isIdleOlder = idle !== undefined && (keeping === undefined || idle.usedAt < keeping.usedAt);
      if (isIdleOlder && this.#forgetOldest(now, this.#limits.minIdleMs)) continue;
      if (keeping === undefined) return false;
      this.#drop(keeping);
    }
    return true;
  }

  /** Drops what exceeds the channel's rules. @returns how many items. */
  #trim(channel: KeptChannel<T>, now: number): number {
    let dropped = 0;
    for (; channel.exceeds(now); dropped++) this.#drop(channel);
    return dropped;
  }

  #drop(channel: KeptChannel<T>): void {
    const { bytes } = channel.kept;
    const item = channel.drop();
    if (item === undefined) return;
    this.#keptBytes -= bytes - channel.kept.bytes;
    this.#dependencies.onDrop?.(item);
    if (channel.kept.length > 0) return;
    this.#keeping.remove(channel);
    this.#idle.add(channel, channel.usedAt);
  }

  /** Forgets the least recently used idle channel if it was unused for longer than this. @returns whether it did. */
  #forgetOldest(now: number, idleMs: number): boolean {
    const oldest = this.#idle.oldest;
    if (oldest === undefined || now - oldest.usedAt <= idleMs) return false;
    this.#idle.remove(oldest);
    this.#channels.delete(oldest.name);
    this.#channelBytes -= channelCost(oldest.name);
    this.#dependencies.onForget?.(oldest);
    return true;
  }
}

function tooManyChannels(count: number): ServiceError {
  const message = `the server knows ${count} channels and has room for no more; publish into fewer, or raise HISTORY_BYTES_TOTAL`;
  return new ServiceError("too-many-channels", message);
}

function idsFull(): ServiceError {
  return new ServiceError("idempotency-full", "the memory of ids is full; try again in a minute with the same id");
}
