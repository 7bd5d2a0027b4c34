import type { ChannelName } from "../../../protocol/channel-name.ts";
import { ServiceError } from "../../../protocol/errors.ts";
import type { Position, Since } from "../../../protocol/position.ts";
import type { Draft } from "../../../protocol/publication.ts";
import { costOf, idCost } from "../cost-of.ts";
import type { ChannelSummary, HistoryRules, ReadOptions } from "../log.ts";
import type { LogLimits } from "../log-limits.ts";
import { newEpoch } from "../new-epoch.ts";
import type { KeptItems, KeptTime } from "../records/kept-items.ts";
import { scopedId } from "../scoped-id.ts";
import { firstNames } from "./first-names.ts";
import type { KeptChannel, Stretch } from "./kept-channel.ts";
import { KeptChannels } from "./kept-channels.ts";
import type { KeptChannelsEvents } from "./kept-channels-parts.ts";
import type { Owner } from "./owner.ts";
import { Owners } from "./owners.ts";
import { idKey, RecentIds } from "./recent-ids.ts";
import { type ShareLimits, shareLimitsOf } from "./share-limits.ts";

/** Callbacks that the log provides for the ledger. */
export interface LedgerDependencies<T> extends KeptChannelsEvents<T> {
  /** Makes the item to keep for a draft stored at `now`. @param name the channel's, as it is kept */
  make(draft: Draft, place: Place, name: ChannelName, now: number): T;
  /** Creates the storage for a channel's items. */
  makeItems(): KeptItems<T>;
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
  | { readonly outcome: "stored"; readonly publication: T }
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
  readonly #shareLimits: ShareLimits;
  readonly #channels: KeptChannels<T>;
  readonly #owners: Owners<KeptChannel<T>>;
  readonly #ids: RecentIds<Owner<KeptChannel<T>>>;
  #sweeping: Iterator<KeptChannel<T>> | undefined;

  constructor(limits: LogLimits, dependencies: LedgerDependencies<T>) {
    this.#limits = limits;
    this.#dependencies = dependencies;
    const maxIdBytes = Math.min(limits.idBytes, limits.totalBytes / 2);
    this.#shareLimits = shareLimitsOf(limits, maxIdBytes);
    this.#owners = new Owners(limits.totalBytes * heavyShare);
    this.#ids = new RecentIds({
      windowMs: limits.idWindowMs,
      maxBytes: maxIdBytes,
      onCharge: (owner, bytes) => this.#owners.charge(owner, "idBytes", bytes),
    });
    const makeItems = () => dependencies.makeItems();
    const shared = { limits, shareLimits: this.#shareLimits, owners: this.#owners, makeItems, events: dependencies };
    this.#channels = new KeptChannels({ ...shared, otherBytes: () => this.#ids.bytes });
  }

  /** The cost of publications, channels and ids together. */
  get bytes(): number {
    return this.#channels.bytes + this.#ids.bytes;
  }

  /** How many channels are known, ids remembered, and clients charged for any of it. */
  get counts(): { readonly channels: number; readonly ids: number; readonly clients: number } {
    return { channels: this.#channels.size, ids: this.#ids.size, clients: this.#owners.size };
  }

  /** Hot path: once per publication. Generated ids are not remembered, because no publisher retries with them. */
  enter(draft: Draft, rules: HistoryRules, now: number, timestamp = now): Entered<T> {
    const { channel: name, id } = draft;
    const owner = this.#owners.of(draft.publisher);
    const scoped = scopedId(draft);
    const key = scoped === undefined ? undefined : idKey(name, scoped);
    if (id !== undefined && key !== undefined) {
      const position = this.#ids.find(key, now);
      if (position !== undefined) return { outcome: "duplicate", id, position };
      if (!this.#hasIdRoom(owner, key, now)) return this.#refuse(owner, idsFull());
    }
    if (owner.isClient) {
      const error = this.#makeClientRoom(owner, draft, key, now);
      if (error !== undefined) return this.#refuse(owner, error);
    }
    const channel = this.#channels.open(name, now, owner);
    if (channel === undefined) return this.#refuse(owner, tooManyChannels(this.#channels.size));
    this.#channels.trim(channel, now); // items that expired under the old rules stay expired under wider ones
    const { epoch } = channel;
    const offset = ++channel.top;
    if (key !== undefined) this.#ids.remember(key, { epoch, offset }, now, owner);
    channel.rules = rules;
    const place = { id: id ?? crypto.randomUUID(), epoch, offset, timestamp };
    const publication = this.#dependencies.make(draft, place, channel.name, now);
    this.#channels.keep(channel, publication, owner, now);
    return { outcome: "stored", publication };
  }

  /** The items after `since`. If there is no room for a new channel, each call returns another epoch for it. */
  read(name: ChannelName, since: Since, options: ReadOptions, now: number): Stretch<T> {
    const owner = this.#owners.of(options.publisher);
    const known = this.#channels.open(name, now, owner);
    this.#owners.forgetIfUnused(owner);
    const channel = known ?? this.#channels.unknown(name, { epoch: newEpoch(), offset: 0 });
    this.#channels.trim(channel, now);
    return channel.after(since, options, now);
  }

  /**
   * @param seen Positions that clients have received. A channel that is behind its position in the same epoch gets a new
   * epoch.
   * @param publisher the client that is charged for new ones, as in `Draft`
   * @throws ServiceError "too-many-channels"
   */
  tops(
    names: readonly ChannelName[],
    now: number,
    seen?: ReadonlyMap<ChannelName, Position>,
    publisher?: string,
  ): ReadonlyMap<ChannelName, Position> {
    const tops = new Map<ChannelName, Position>();
    const owner = this.#owners.of(publisher);
    for (const name of names) {
      const channel = this.#channels.join(name, now, owner);
      if (channel === undefined) {
        this.#owners.forgetIfUnused(owner);
        throw tooManyChannels(this.#channels.size);
      }
      channel.listenedAt = now;
      const given = seen?.get(name);
      if (given?.epoch === channel.epoch && given.offset > channel.top) this.#renew(channel);
      tops.set(name, channel.position);
    }
    this.#owners.forgetIfUnused(owner);
    return tops;
  }

  /** Sorted by name. Visits each channel once, and holds about `limit` names at a time. */
  list(prefix: string, after: string, limit: number, now: number): readonly ChannelSummary[] {
    return firstNames(this.#channels.names(), prefix, after, limit).flatMap((name) => this.summary(name, now) ?? []);
  }

  /** One channel, if it is known. */
  summary(name: ChannelName, now: number): ChannelSummary | undefined {
    const channel = this.#channels.get(name);
    if (channel === undefined) return undefined;
    this.#channels.trim(channel, now);
    return { channel: name, top: channel.position, messages: channel.kept.length };
  }

  /**
   * Drops some of the expired items, ids and channels.
   * @param steps About how many of them are visited or dropped.
   * @returns whether the sweep is complete. Otherwise the next call continues it.
   */
  sweep(now: number, steps: number): boolean {
    let left = steps - this.#ids.forgetOver(now, steps);
    while (left > 0 && this.#channels.forgetUnused(now, this.#limits.forgetMs)) left--;
    this.#sweeping ??= this.#channels.values();
    while (left > 0) {
      const { value: channel, done } = this.#sweeping.next();
      if (done === true) {
        this.#sweeping = undefined;
        return true;
      }
      left -= 1 + this.#channels.trim(channel, now);
    }
    return false;
  }

  /** Applies new rules at once. Items that expired under the old rules stay expired. */
  setRules(name: ChannelName, rules: HistoryRules, now: number): void {
    const channel = this.#channels.get(name);
    if (channel === undefined) return;
    this.#channels.trim(channel, now);
    channel.rules = rules;
    this.#dependencies.onRulesChange?.(channel);
    this.#channels.trim(channel, now);
  }

  /** Counts as a use of the channel. Creates it if it is not known and there is room. */
  open(name: ChannelName, now: number): void {
    this.#channels.open(name, now);
  }

  /** Adds a channel with a given position. */
  openAt(name: ChannelName, position: Position, now: number): KeptChannel<T> {
    return this.#channels.openAt(name, position, now);
  }

  /** Restores a publication and raises `top` to it. To be called in the order of the offsets. */
  restoreItem(channel: KeptChannel<T>, offset: number, item: T, time: KeptTime): void {
    channel.top = offset;
    this.#channels.restore(channel, item, time);
  }

  /**
   * Restores a remembered id, even if its channel is not known. To be called in the order of the times.
   * @param id see `scopedId`
   */
  restoreId(name: ChannelName, id: string, position: Position, at: number): void {
    this.#ids.remember(idKey(name, id), position, at, this.#owners.server);
  }

  /** The same with the key of a remembered id. */
  restoreKey(key: string, position: Position, at: number): void {
    this.#ids.remember(key, position, at, this.#owners.server);
  }

  /** All known channels. */
  channels(): Iterable<KeptChannel<T>> {
    return this.#channels.values();
  }

  /** All remembered ids, oldest first. */
  rememberedIds(): Iterable<{ readonly key: string; readonly position: Position; readonly at: number }> {
    return this.#ids.all();
  }

  #renew(channel: KeptChannel<T>): void {
    channel.epoch = newEpoch();
    this.#dependencies.onRenew?.(channel);
  }

  #refuse(owner: Owner<KeptChannel<T>>, error: ServiceError): Entered<T> {
    this.#owners.forgetIfUnused(owner);
    return { outcome: "refused", error };
  }

  /** @returns the error if the channel, the publication and its id do not fit together */
  #makeClientRoom(
    owner: Owner<KeptChannel<T>>,
    draft: Draft,
    key: string | undefined,
    now: number,
  ): ServiceError | undefined {
    const channelBytes = this.#channels.costOfOpening(draft.channel);
    const fixedBytes = channelBytes + (key === undefined ? 0 : idCost(key));
    const need = { bytes: fixedBytes + costOf(draft), fixedBytes };
    if (this.#channels.makeClientRoom(owner, need, now)) return undefined;
    if (channelBytes > 0) return tooManyChannels(this.#channels.size);
    return owner.keptBytes > 0 || fixedBytes === 0 ? shareFull() : idsFull();
  }

  #hasIdRoom(owner: Owner<KeptChannel<T>>, key: string, now: number): boolean {
    const bytes = idCost(key);
    const { client, clients } = this.#shareLimits;
    if (!this.#ids.hasRoom(key, now)) return false;
    if (owner.isClient) {
      if (owner.idBytes + bytes > client.idBytes) return false;
      if (this.#owners.clients.idBytes + bytes > clients.idBytes) return false;
    }
    return this.#channels.makeRoom(bytes, now);
  }
}

/** A client that holds more than this part of the memory is evicted before others. */
const heavyShare = 1 / 100;

function shareFull(): ServiceError {
  const message =
    "the history has no room for more of your messages (CLIENT_SHARE); retry when older ones have expired";
  return new ServiceError("rate-limited", message, { retryAfterMs: 5000 });
}

function tooManyChannels(count: number): ServiceError {
  const message = `no memory for another channel: the server has ${count} channels, or your share (CLIENT_SHARE) is used up; use fewer channels, or raise HISTORY_BYTES_TOTAL`;
  return new ServiceError("too-many-channels", message);
}

function idsFull(): ServiceError {
  return new ServiceError("idempotency-full", "the memory for ids is full; retry in a minute with the same id");
}
