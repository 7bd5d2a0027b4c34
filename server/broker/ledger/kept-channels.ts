import { type ChannelName, everyone, isServerChannel } from "../../../protocol/channel-name.ts";
import type { Position } from "../../../protocol/position.ts";
import { ownText } from "../../lib/own-text.ts";
import { channelCost } from "../cost-of.ts";
import { newEpoch } from "../new-epoch.ts";
import type { KeptItems, KeptTime } from "../records/kept-items.ts";
import { KeptChannel } from "./kept-channel.ts";
import type { KeptChannelsParts } from "./kept-channels-parts.ts";
import type { Kind, Owner } from "./owner.ts";

/** The bytes that a client wants to add. */
export interface Need {
  /** In all. */
  readonly bytes: number;
  /** The part of `bytes` for channels and ids, which later publications do not replace. */
  readonly fixedBytes: number;
}

/**
 * All known channels and their publications. When the memory is full, clients that hold much lose data first, then the
 * least recently used channels.
 */
export class KeptChannels<T> {
  readonly #parts: KeptChannelsParts<T>;
  readonly #channels = new Map<ChannelName, KeptChannel<T>>();
  /** The items of all channels that never had any, such as those of most users: each of its own would take 80 bytes. */
  readonly #nothing: KeptItems<T>;
  #keptBytes = 0;
  #channelBytes = 0;

  constructor(parts: KeptChannelsParts<T>) {
    this.#parts = parts;
    this.#nothing = parts.makeItems();
  }

  /** The cost of publications and channels together. */
  get bytes(): number {
    return this.#keptBytes + this.#channelBytes;
  }

  get size(): number {
    return this.#channels.size;
  }

  get(name: ChannelName): KeptChannel<T> | undefined {
    return this.#channels.get(name);
  }

  names(): Iterable<ChannelName> {
    return this.#channels.keys();
  }

  values(): IteratorObject<KeptChannel<T>> {
    return this.#channels.values();
  }

  /**
   * The channel, created if it is not known. Undefined if there is no room for another one.
   * @param owner the owner that is charged for a new one, unless it is `all` or a user's channel
   */
  open(name: ChannelName, now: number, owner = this.#parts.owners.server): KeptChannel<T> | undefined {
    const known = this.#channels.get(name);
    if (known !== undefined) {
      known.creator[kindOf(known)].touch(known, now);
      return known;
    }
    const payer = isOwnChannel(name) ? this.#parts.owners.server : owner;
    if (!this.#hasRoom(name, payer, now) || !this.makeRoom(channelCost(name), now)) return undefined;
    return this.#openNew(name, now, payer);
  }

  /** The same for a connection, which is never refused for the channel of everyone and its user's own. */
  join(name: ChannelName, now: number, owner = this.#parts.owners.server): KeptChannel<T> | undefined {
    const channel = this.open(name, now, owner);
    return channel === undefined && isOwnChannel(name) ? this.#openNew(name, now, this.#parts.owners.server) : channel;
  }

  /** The bytes that opening a channel would add to a client's share. */
  costOfOpening(name: ChannelName): number {
    return this.#channels.has(name) || isOwnChannel(name) ? 0 : channelCost(name);
  }

  /** Adds a channel with a given position. */
  openAt(name: ChannelName, position: Position, now: number, creator = this.#parts.owners.server): KeptChannel<T> {
    const channel = this.unknown(ownText(name) as ChannelName, position, creator);
    this.#channels.set(channel.name, channel);
    this.#channelBytes += channelCost(channel.name);
    this.#parts.owners.charge(creator, "channels", 1);
    this.#parts.owners.charge(creator, "channelBytes", channelCost(channel.name));
    this.#parts.owners.place("idle", channel, now);
    return channel;
  }

  /** A channel that is not added. */
  unknown(name: ChannelName, position: Position, creator = this.#parts.owners.server): KeptChannel<T> {
    return new KeptChannel(name, position, creator, this.#nothing);
  }

  /** Adds the newest item of a channel. */
  keep(channel: KeptChannel<T>, item: T, owner: Owner<KeptChannel<T>>, now: number): void {
    this.#add(channel, now, owner, this.#writable(channel).keep(item, owner, now));
  }

  /** The same for an item that was stored before, at another time. */
  restore(channel: KeptChannel<T>, item: T, { at, now }: KeptTime): void {
    const { server } = this.#parts.owners;
    this.#add(channel, now, server, this.#writable(channel).keep(item, server, at));
  }

  /** The channel, with items of its own. */
  #writable(channel: KeptChannel<T>): KeptChannel<T> {
    if (channel.kept === this.#nothing) channel.kept = this.#parts.makeItems();
    return channel;
  }

  /** @param bytes of the item that the channel keeps since now */
  #add(channel: KeptChannel<T>, now: number, owner: Owner<KeptChannel<T>>, bytes: number): void {
    const { owners } = this.#parts;
    if (channel.kept.length === 1) {
      owners.unplace("idle", channel);
      owners.place("keeping", channel, now);
    }
    this.#keptBytes += bytes;
    owners.charge(owner, "keptBytes", bytes);
    this.trim(channel, now);
    this.makeRoom(0, now);
  }

  /**
   * Evicts from the channels that a client created until its need fits into its share, and from those of the heaviest
   * clients until it fits into the part of all clients.
   * @returns whether it fits
   */
  makeClientRoom(owner: Owner<KeptChannel<T>>, need: Need, now: number): boolean {
    return this.#makeRoomOf(owner, need, now) && this.#makeRoomOfClients(owner, need, now);
  }

  #makeRoomOf(owner: Owner<KeptChannel<T>>, need: Need, now: number): boolean {
    const { bytes } = this.#parts.shareLimits.client;
    while (owner.bytes + need.bytes > bytes) {
      if (this.#evictFrom(owner, now)) continue;
      // A client may always keep one publication: its size is limited elsewhere.
      return owner.keptBytes === 0 && owner.bytes + need.fixedBytes <= bytes;
    }
    return true;
  }

  #makeRoomOfClients(owner: Owner<KeptChannel<T>>, need: Need, now: number): boolean {
    const { owners, shareLimits } = this.#parts;
    /** Clients that hold more and can give up nothing: others listen to all their channels, or they do themselves. */
    const spared = new Set<Owner<KeptChannel<T>>>();
    while (owners.clients.bytes + need.bytes > shareLimits.clients.bytes) {
      const held = owner.bytes + need.bytes;
      const victim = owners.heaviest("publications or idle channels", spared) ?? owners.nextAbove(held, spared);
      if (victim === undefined) {
        if (spared.size > 0) return false;
        if (this.#evict(owners.next("keeping")?.keeping.oldest, owners.next("idle")?.idle.oldest, now)) continue;
        return need.fixedBytes === 0; // publications in channels of the server have the limits of those channels
      }
      if (this.#evictFrom(victim, now)) continue;
      // Otherwise clients that publish into theirs often would keep others from storing anything.
      if (victim.bytes > held && this.#forgetUsed(victim, now)) continue;
      if (victim.bytes <= held || spared.size >= maxTries) return false;
      spared.add(victim);
    }
    return true;
  }

  /** Evicts the least recently used channels of a client. A channel with publications of others stays. */
  #evictFrom(owner: Owner<KeptChannel<T>>, now: number): boolean {
    return this.#evict(owner.keptBytes > 0 ? owner.keeping.oldest : undefined, owner.idle.oldest, now);
  }

  /** Forgets the idle channel if it was used less recently and is unused, or drops a publication. @returns whether it did */
  #evict(keeping: KeptChannel<T> | undefined, idle: KeptChannel<T> | undefined, now: number): boolean {
    const isIdleOlder = idle !== undefined && (keeping === undefined || idle.usedAt < keeping.usedAt);
    if (isIdleOlder && this.#forget(idle, now, this.#parts.limits.minIdleMs)) return true;
    if (keeping !== undefined) this.#drop(keeping);
    return keeping !== undefined;
  }

  /**
   * Evicts from the heaviest clients, then from the least recently used channels, and forgets idle ones, until this many
   * bytes are free.
   * @returns whether they are free
   */
  makeRoom(bytes: number, now: number): boolean {
    let hasPassed = false;
    while (this.bytes + this.#parts.otherBytes() + bytes > this.#parts.limits.totalBytes) {
      const keeping =
        this.#parts.owners.heaviest("publications")?.keeping.oldest ?? this.#parts.owners.oldest("keeping");
      const idle = this.#parts.owners.oldest("idle");
      const isIdleOlder = idle !== undefined && (keeping === undefined || idle.usedAt < keeping.usedAt);
      if (isIdleOlder && this.#forget(idle, now, this.#parts.limits.minIdleMs)) continue;
      if (keeping === undefined) return false;
      if (!isServerChannel(keeping.name)) {
        this.#drop(keeping);
        continue;
      }
      // The server's own data is small, and publications of clients must not evict it.
      if (hasPassed) return false;
      hasPassed = true;
      keeping.creator.keeping.touch(keeping, now);
    }
    return true;
  }

  /** Drops items beyond the channel's limits. @returns how many items. */
  trim(channel: KeptChannel<T>, now: number): number {
    let dropped = 0;
    for (; channel.exceeds(now); dropped++) this.#drop(channel);
    return dropped;
  }

  #drop(channel: KeptChannel<T>): void {
    const { kept, oldestOwner: owner } = channel;
    const { onDrop } = this.#parts.events;
    if (kept.length === 0) return;
    const { bytes } = kept;
    const item = onDrop === undefined ? undefined : kept.at(0, channel);
    channel.drop();
    this.#keptBytes -= bytes - kept.bytes;
    this.#parts.owners.charge(owner, "keptBytes", kept.bytes - bytes);
    if (item !== undefined) onDrop?.(item);
    if (kept.length > 0) return;
    this.#parts.owners.unplace("keeping", channel);
    this.#parts.owners.place("idle", channel, channel.usedAt);
  }

  /** Forgets the least recently used idle channel of the server or of a client. @returns whether there was one */
  forgetUnused(now: number, idleMs: number): boolean {
    return (
      this.#forget(this.#parts.owners.server.idle.oldest, now, idleMs) ||
      this.#forget(this.#parts.owners.next("idle")?.idle.oldest, now, idleMs)
    );
  }

  /** Forgets an idle channel if it was unused for longer than this. @returns whether it did. */
  #forget(oldest: KeptChannel<T> | undefined, now: number, idleMs: number): boolean {
    if (oldest === undefined || now - oldest.usedAt <= idleMs) return false;
    this.#parts.owners.unplace("idle", oldest);
    this.#channels.delete(oldest.name);
    this.#channelBytes -= channelCost(oldest.name);
    this.#parts.owners.charge(oldest.creator, "channels", -1);
    this.#parts.owners.charge(oldest.creator, "channelBytes", -channelCost(oldest.name));
    this.#parts.events.onForget?.(oldest);
    return true;
  }

  /**
   * Forgets a client's least recently used idle channel without listeners, even if it was just used. A channel with
   * listeners would be opened again by them, at the expense of the server.
   */
  #forgetUsed({ idle }: Owner<KeptChannel<T>>, now: number): boolean {
    for (let tries = 0; tries < maxTries && idle.oldest !== undefined; tries++) {
      const { oldest } = idle;
      if (now - oldest.listenedAt > this.#parts.limits.minIdleMs) return this.#forget(oldest, now, usedOrNot);
      idle.touch(oldest, now);
    }
    return false;
  }

  #openNew(name: ChannelName, now: number, owner: Owner<KeptChannel<T>>): KeptChannel<T> {
    const opened = this.openAt(name, { epoch: newEpoch(), offset: 0 }, now, owner);
    this.#parts.events.onOpen?.(opened);
    return opened;
  }

  #hasRoom(name: ChannelName, owner: Owner<KeptChannel<T>>, now: number): boolean {
    const { client, clients, plainChannels } = this.#parts.shareLimits;
    const { maxChannels, minIdleMs } = this.#parts.limits;
    if (owner.isClient) {
      if (owner.channels >= client.channels && !this.#forget(owner.idle.oldest, now, minIdleMs)) return false;
      const isFull = this.#parts.owners.clients.channels >= clients.channels;
      if (isFull && !this.#forget(this.#parts.owners.next("idle")?.idle.oldest, now, minIdleMs)) return false;
      const bytes = channelCost(name);
      if (!this.makeClientRoom(owner, { bytes, fixedBytes: bytes }, now)) return false;
    }
    const limit = isOwnChannel(name) ? maxChannels : plainChannels;
    return this.#channels.size < limit || this.forgetUnused(now, minIdleMs);
  }
}

/**
 * In how many channels of a client, and of how many clients, one without listeners is sought. More would slow down each
 * publication.
 */
const maxTries = 20;
const usedOrNot = Number.NEGATIVE_INFINITY;

function kindOf(channel: KeptChannel<unknown>): Kind {
  return channel.kept.length === 0 ? "idle" : "keeping";
}

/** A channel that connections join by themselves. */
function isOwnChannel(name: ChannelName): boolean {
  return name === everyone || name.startsWith("@");
}
