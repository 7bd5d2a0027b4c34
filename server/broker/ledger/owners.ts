import { type Kind, Owner } from "./owner.ts";
import type { Used } from "./use-order.ts";

/** A channel, as far as owners need to know it. */
export interface Owned<C extends Used<C>> extends Used<C> {
  readonly creator: Owner<C>;
}

/** Clients that are passed over. */
type Except<C extends Used<C>> = Pick<ReadonlySet<Owner<C>>, "has">;

/** All owners, the usage of all clients together, and the choice of owners that lose data when the memory is full. */
export class Owners<C extends Owned<C>> {
  readonly server = new Owner<C>(undefined);
  /** The usage of all clients together. */
  readonly clients = new Owner<C>(undefined);
  readonly #byName = new Map<string, Owner<C>>();
  readonly #with: Readonly<Record<Kind, Rotation<Owner<C>>>> = { keeping: new Rotation(), idle: new Rotation() };
  readonly #heavyBytes: number;
  /** Clients with more than `heavyBytes`: few, since they cannot be many within the total. */
  readonly #heavy = new Set<Owner<C>>();

  /** @param heavyBytes from which a client is evicted before others */
  constructor(heavyBytes: number) {
    this.#heavyBytes = heavyBytes;
  }

  /** @param name see `Draft.publisher` */
  of(name: string | undefined): Owner<C> {
    if (name === undefined) return this.server;
    const known = this.#byName.get(name);
    if (known !== undefined) return known;
    const owner = new Owner<C>(name);
    this.#byName.set(name, owner);
    return owner;
  }

  /** Number of clients that hold something. */
  get size(): number {
    return this.#byName.size;
  }

  /** Changes the usage of the owner; negative amounts reduce it. */
  charge(owner: Owner<C>, what: "channels" | "channelBytes" | "keptBytes" | "idBytes", amount: number): void {
    const wasUnused = owner.isUnused;
    owner[what] += amount;
    if (owner.name === undefined) return;
    this.clients[what] += amount;
    if (owner.bytes > this.#heavyBytes) this.#heavy.add(owner);
    else this.#heavy.delete(owner);
    if (wasUnused)
      this.#byName.set(owner.name, owner); // making room for it may have made it unused
    else if (amount < 0) this.forgetIfUnused(owner);
  }

  forgetIfUnused(owner: Owner<C>): void {
    if (owner.name !== undefined && owner.isUnused) this.#byName.delete(owner.name);
  }

  /** Puts a channel into the order of its creator. */
  place(kind: Kind, channel: C, now: number): void {
    const { creator } = channel;
    creator[kind].add(channel, now);
    if (creator.isClient) this.#with[kind].add(creator);
  }

  unplace(kind: Kind, channel: C): void {
    const { creator } = channel;
    creator[kind].remove(channel);
    if (creator.isClient && creator[kind].oldest === undefined) this.#with[kind].delete(creator);
  }

  /**
   * The client that holds the most, among those with publications in channels of their own, or also among those with idle
   * channels. Undefined if none of them holds much.
   */
  heaviest(withWhat: "publications" | "publications or idle channels", except?: Except<C>): Owner<C> | undefined {
    let found: Owner<C> | undefined;
    for (const owner of this.#heavy) {
      if (owner.bytes <= (found?.bytes ?? 0) || except?.has(owner)) continue;
      const hasIdle = withWhat !== "publications" && owner.idle.oldest !== undefined;
      if (hasIdle || hasPublications(owner)) found = owner;
    }
    return found;
  }

  /**
   * A client that holds more than this, some of it in channels of its own: the heaviest of a few. Each call looks at others,
   * if there are so many.
   */
  nextAbove(bytes: number, except?: Except<C>): Owner<C> | undefined {
    let found: Owner<C> | undefined;
    for (let tries = 0; tries < maxTries; tries++) {
      for (const owner of [this.next("idle"), this.next("keeping")]) {
        if (owner === undefined || owner.bytes <= (found?.bytes ?? bytes) || except?.has(owner)) continue;
        if (owner.idle.oldest !== undefined || hasPublications(owner)) found = owner;
      }
    }
    return found;
  }

  /** A client that has such channels: each time another one. */
  next(kind: Kind): Owner<C> | undefined {
    return this.#with[kind].next();
  }

  /**
   * The least recently used channel of the server, or of one client if that is older. A client takes its turn, so this is not
   * exactly the oldest of all.
   */
  oldest(kind: Kind): C | undefined {
    const own = this.server[kind].oldest;
    const other = this.next(kind)?.[kind].oldest;
    return own === undefined || (other !== undefined && other.usedAt < own.usedAt) ? other : own;
  }
}

/** In how many clients of each kind the heaviest is sought. More would slow down each publication. */
const maxTries = 20;

/** Whether publications are charged to it, possibly in its own channels. */
function hasPublications<C extends Used<C>>({ keptBytes, keeping }: Owner<C>): boolean {
  return keptBytes > 0 && keeping.oldest !== undefined;
}

/** A set whose elements take turns. A fresh iterator would skip over all deleted elements each time. */
class Rotation<T> {
  readonly #members = new Set<T>();
  #turns: Iterator<T> | undefined;

  add(member: T): void {
    this.#members.add(member);
  }

  delete(member: T): void {
    this.#members.delete(member);
  }

  next(): T | undefined {
    if (this.#members.size === 0) return undefined;
    this.#turns ??= this.#members.values();
    const { value, done } = this.#turns.next();
    if (done !== true) return value;
    this.#turns = this.#members.values();
    return this.#turns.next().value;
  }
}
