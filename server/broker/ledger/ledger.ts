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

/** What the ledger needs of the log that keeps it. */
export interface LedgerDependencies<T> {
  /** What is kept of a draft that got its place at `now`, which `measure` gives back as the item's time. */
  make(draft: Draft, place: Place, now: number): T;
  readonly measure: RingMeasure<T>;
  /** A channel never heard of, or forgotten, begins to count. */
  onOpen?(channel: KeptChannel<T>): void;
  /** Nobody can read it any more. */
  onDrop?(item: T): void;
  /** A channel is forgotten: should it come again, it gets another epoch. */
  onForget?(channel: KeptChannel<T>): void;
  /** A channel has a new epoch; what is kept of it stays. */
  onRenew?(channel: KeptChannel<T>): void;
  /** A channel has new rules, and no publication brought them. */
  onRulesChange?(channel: KeptChannel<T>): void;
}

/** Where a draft is stored. */
export interface Place extends Position {
  readonly id: string;
  /** The wall clock's time, for clients. Ages are reckoned with the ledger's own `now`. */
  readonly timestamp: number;
}

/** What became of a draft. */
export type Entered<T> =
  | { readonly outcome: "stored"; readonly item: T; readonly channel: KeptChannel<T> }
  | { readonly outcome: "duplicate"; readonly id: string; readonly position: Position }
  | { readonly outcome: "refused"; readonly error: ServiceError };

/**
 * Keeps the books of a log: which channels there are, how far each has counted, what is kept of it, and which ids came
 * lately. It knows no clock and no file: `now` comes with each call, and what is kept of a publication is for the log to say
 * (all of it in memory, or where it lies in a file). `now` is a steady time (lib/steady-time.ts): an administrator who sets
 * the wall clock must neither expire all history nor keep it from expiring.
 *
 * Nothing that is over its time is given out, but it is taken away in slices, by `sweep`.
 */
export class Ledger<T> {
  readonly #dependencies: LedgerDependencies<T>;
  readonly #limits: LogLimits;
  readonly #channels = new Map<ChannelName, KeptChannel<T>>();
  /** Those that keep something: the first to give way when there are too many bytes is the oldest. */
  readonly #keeping = new UseOrder<KeptChannel<T>>();
  /** Those that keep nothing but their numbering: the first to be forgotten when there are too many channels. */
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

  /** Of publications, channels and ids together. */
  get bytes(): number {
    return this.#keptBytes + this.#channelBytes + this.#ids.bytes;
  }

  /** How many channels are known, and ids remembered. */
  get counts(): { readonly channels: number; readonly ids: number } {
    return { channels: this.#channels.size, ids: this.#ids.size };
  }

  /** Hot path: once per publication. An id that the log made up itself is not remembered: nobody can say it again. */
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
    this.#trim(channel, now); // what is over its time by the old rules does not come back with wider ones
    const { epoch } = channel;
    const offset = ++channel.top;
    if (key !== undefined) this.#ids.remember(key, { epoch, offset }, now);
    channel.rules = rules;
    const item = this.#dependencies.make(draft, { id: id ?? crypto.randomUUID(), epoch, offset, timestamp }, now);
    this.#keep(channel, item, now);
    return { outcome: "stored", item, channel };
  }

  /** The channel, made if it was never heard of; undefined when no more channels may or can be known. */
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

  /** What came after `since`. With as many channels as there may be, a new one is answered with an epoch of its own each time. */
  read(name: ChannelName, since: Since, bounds: PageBounds, now: number): Stretch<T> {
    const channel = this.open(name, now) ?? this.#make(name, { epoch: newEpoch(), offset: 0 });
    this.#trim(channel, now);
    return channel.after(since, bounds, now);
  }

  /**
   * @param seen Positions that were given out: a channel that is behind one in the same epoch gets a new epoch.
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

  /** By name; each channel is looked at once, and only `limit` names are held on the way. */
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
   * Takes away some of what is over its time.
   * @param steps About how many things are looked at or dropped.
   * @returns whether all was looked at; otherwise the next call goes on there.
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

  /** Other settings than before: they hold at once for what is kept. What is over its time by the old ones stays so. */
  setRules(name: ChannelName, rules: HistoryRules, now: number): void {
    const channel = this.#channels.get(name);
    if (channel === undefined) return;
    this.#trim(channel, now);
    channel.rules = rules;
    this.#dependencies.onRulesChange?.(channel);
    this.#trim(channel, now);
  }

  /** Takes up a channel as it once was. */
  openAt(name: ChannelName, position: Position, now: number): KeptChannel<T> {
    const channel = this.#make(ownText(name) as ChannelName, position);
    this.#channels.set(channel.name, channel);
    this.#channelBytes += channelCost(channel.name);
    this.#idle.add(channel, now);
    return channel;
  }

  /** Takes up a publication as it once was; in the order of the offsets, `top` is raised to it. */
  restoreItem(channel: KeptChannel<T>, offset: number, item: T, now: number): void {
    channel.top = offset;
    this.#keep(channel, item, now);
  }

  /** Takes up an id as it once was remembered, whether its channel is still known or not; in the order of the times. */
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
   * Takes away what was not used for longest, publications and channels that keep nothing, until so many bytes are free.
   * @returns whether they are
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

  /** @returns how many had to go. */
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

  /** @returns whether there was a channel that keeps nothing and that nobody used for so long. */
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
