import { keyOf } from "./page-key.ts";
import type { Arrival, Presence, PresencePageRequest } from "./presence-store.ts";

/** A presence as the store keeps it. */
export interface Entry extends Presence {
  readonly key: string;
  /** The worker that holds it. */
  owner: string;
  /** The connection that it belongs to now. */
  holder: string;
  /** Its connection has ended, and no other one has taken over yet. */
  isReleased: boolean;
}

/** The presences of one channel in memory, found by their connection, by their user once released, and in the order of keys. */
export class PresentConnections {
  readonly #byHolder = new Map<string, Entry>();
  /** Released entries by user, "" for those without one. */
  readonly #released = new Map<string, Set<Entry>>();
  /** Sorted. */
  readonly #keys: string[] = [];
  readonly #byKey = new Map<string, Entry>();

  get size(): number {
    return this.#byKey.size;
  }

  /** The entry of a connection. */
  heldBy(holder: string): Entry | undefined {
    return this.#byHolder.get(holder);
  }

  /** The entry that an arriving connection takes over. */
  successionFor({ over, userId, resumes }: Arrival): Entry | undefined {
    const former = over === undefined ? undefined : this.#byHolder.get(over);
    if (former !== undefined && former.userId === userId) return former;
    if (userId === undefined && !resumes) return undefined;
    const [first] = this.#released.get(userId ?? "") ?? [];
    return first;
  }

  /** @param position of its event */
  add({ holder, userId, since, info }: Arrival, owner: string, position: number): Entry {
    // The id may be in use by a presence that began with this connection and that another one has taken over.
    const id = this.#byKey.has(keyOf({ userId, id: holder })) ? `${holder}-${position}` : holder;
    const entry: Entry = { id, holder, owner, userId, info, since, isReleased: false, key: keyOf({ userId, id }) };
    this.#keys.splice(this.#indexAfter(entry.key), 0, entry.key);
    this.#byKey.set(entry.key, entry);
    this.#byHolder.set(holder, entry);
    return entry;
  }

  /** From now on the entry belongs to this connection. */
  move(entry: Entry, holder: string, owner: string): void {
    this.#byHolder.delete(entry.holder);
    this.#unrelease(entry);
    entry.holder = holder;
    entry.owner = owner;
    this.#byHolder.set(holder, entry);
  }

  release(entry: Entry): void {
    if (entry.isReleased) return;
    entry.isReleased = true;
    const user = entry.userId ?? "";
    const others = this.#released.get(user);
    if (others === undefined) this.#released.set(user, new Set([entry]));
    else others.add(entry);
  }

  remove(entry: Entry): void {
    this.#unrelease(entry);
    this.#byHolder.delete(entry.holder);
    this.#byKey.delete(entry.key);
    this.#keys.splice(this.#indexAfter(entry.key) - 1, 1);
  }

  *ofOwner(owner: string): Iterable<Entry> {
    for (const entry of this.#byKey.values()) if (entry.owner === owner) yield entry;
  }

  page({ after, limit }: PresencePageRequest): { readonly entries: readonly Entry[]; readonly hasMore: boolean } {
    const from = this.#indexAfter(after);
    const entries = this.#keys.slice(from, from + limit).flatMap((key) => this.#byKey.get(key) ?? []);
    return { entries, hasMore: from + limit < this.#keys.length };
  }

  #unrelease(entry: Entry): void {
    if (!entry.isReleased) return;
    entry.isReleased = false;
    const user = entry.userId ?? "";
    const others = this.#released.get(user);
    others?.delete(entry);
    if (others?.size === 0) this.#released.delete(user);
  }

  /** The index of the first key above this one. */
  #indexAfter(key: string): number {
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#keys[middle] ?? "") <= key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
