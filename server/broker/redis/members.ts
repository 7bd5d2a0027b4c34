import type { Clock } from "../../lib/clock.ts";
import type { StoredHeartbeat } from "./stored-heartbeats.ts";

/** A member that sends nothing for this long has expired. Members send every 2 s. */
const expiryMs = 6000;
/** After this time connected without a break, a member has received a message from all others: members send every 2 s. */
const introducedMs = 3000;
/** How long a departure is remembered: longer than any query about lost publications takes. */
const departureMs = 60_000;
/** Most former replication ids that are remembered. */
const maxFormerIds = 100;

/** The members that were alive when a replication id went out of use, without those that left since. */
interface AliveAtEnd {
  readonly members: Set<string>;
  /** Whether this member's own heartbeat under that id is still in Redis. */
  hasOwnHeartbeat: boolean;
}

/**
 * The other members that use this Redis, known from their messages on the watch topics, and from the heartbeats that Redis
 * still has after a restart.
 *
 * Others cannot hear a member that is cut off from Redis. It matters only if it stored something that Redis has lost since.
 * Then it was alive when the lost writes began, and Redis still has its heartbeat from that time.
 *
 * A disconnected member receives nothing from the others. That time does not count towards their expiry.
 */
export class Members {
  readonly #clock: Clock;
  readonly #heardAt = new Map<string, number>();
  /** Members that announced their departure, and when. */
  readonly #leftAt = new Map<string, number>();
  #disconnectedSince: number | undefined;
  /** When the last message was received, this member's own messages included. */
  #lastMessageAt: number | undefined;
  #connectedSince: number | undefined;
  #wasIntroduced = false;
  readonly #self: string;
  /** By replication id that went out of use. */
  readonly #aliveAtEnd = new Map<string, AliveAtEnd>();
  #hasReadHeartbeats = false;

  /** @param self the name of this member */
  constructor(self: string, clock: Clock) {
    this.#self = self;
    this.#clock = clock;
  }

  heardFrom(member: string): void {
    this.#lastMessageAt = this.#clock.monotonic();
    // On a cluster, its last heartbeat may arrive after its departure.
    if (!this.#leftAt.has(member)) this.#heardAt.set(member, this.#lastMessageAt);
  }

  /** This member received its own message, so it was connected until now. */
  heardFromSelf(): void {
    this.#lastMessageAt = this.#clock.monotonic();
  }

  /** The member has handed over what it knew, and leaves. */
  left(member: string): void {
    this.#heardAt.delete(member);
    for (const { members } of this.#aliveAtEnd.values()) members.delete(member);
    const now = this.#clock.monotonic();
    for (const [other, at] of this.#leftAt) if (now - at > departureMs) this.#leftAt.delete(other);
    this.#leftAt.set(member, now);
  }

  /** Whether the member announced its departure recently. Queries do not wait for such a member. */
  hasLeft(member: string): boolean {
    return this.#leftAt.has(member);
  }

  get isConnected(): boolean {
    return this.#connectedSince !== undefined;
  }

  /** Whether this member is connected, and has read the heartbeats. */
  get mayTell(): boolean {
    return this.isConnected && this.#hasReadHeartbeats;
  }

  /** Counts from the last message received, because a server that hangs is noticed only some seconds later. */
  disconnected(): void {
    this.#disconnectedSince ??= this.#lastMessageAt ?? this.#clock.monotonic();
    this.#wasIntroduced = this.#isIntroducedAt(this.#disconnectedSince);
    this.#connectedSince = undefined;
  }

  /**
   * Whether all other members are known. A member that has just started does not know them yet. Once it was connected for
   * long enough without a break, it stays introduced.
   */
  get isIntroduced(): boolean {
    return this.#isIntroducedAt(this.#clock.monotonic());
  }

  #isIntroducedAt(time: number): boolean {
    const since = this.#connectedSince;
    return this.#wasIntroduced || (since !== undefined && time - since >= introducedMs);
  }

  connected(): void {
    this.#hasReadHeartbeats = false;
    this.#connectedSince ??= this.#clock.monotonic();
    this.#lastMessageAt = this.#clock.monotonic();
    if (this.#disconnectedSince === undefined) return;
    const disconnectedMs = this.#clock.monotonic() - this.#disconnectedSince;
    this.#disconnectedSince = undefined;
    for (const [member, at] of this.#heardAt) this.#heardAt.set(member, at + disconnectedMs);
  }

  /**
   * These replication ids went out of use while this member was disconnected: Redis was restarted or replaced. Called before
   * `connected`.
   */
  idsEnded(ids: Iterable<string>): void {
    if (!this.#wasIntroduced) return;
    for (const id of ids) this.#aliveAtEnd.set(id, { members: new Set(this.alive()), hasOwnHeartbeat: false });
    for (const id of this.#aliveAtEnd.keys()) if (this.#aliveAtEnd.size > maxFormerIds) this.#aliveAtEnd.delete(id);
  }

  /**
   * The heartbeats that a server has. Those under a former replication id show which members were alive when the lost
   * writes began. If this member's own heartbeat is missing, it connected later, and cannot know that.
   */
  heartbeatsFound(heartbeats: readonly StoredHeartbeat[]): void {
    for (const { member, replicationId, ageMs } of heartbeats) {
      const aliveAtEnd = this.#aliveAtEnd.get(replicationId);
      if (aliveAtEnd === undefined) continue;
      if (member === this.#self) aliveAtEnd.hasOwnHeartbeat = true;
      else if (ageMs <= expiryMs && !this.hasLeft(member)) aliveAtEnd.members.add(member);
    }
  }

  /** The heartbeats of all servers have been read since this member connected. */
  heartbeatsRead(): void {
    this.#hasReadHeartbeats = true;
  }

  /**
   * The members that may know of publications that Redis had under a former replication id, and that have not handed over
   * what they know. They stay here after they have expired. Undefined if this member was not connected under that id, or not
   * for long enough to know the others, or if Redis has lost its heartbeat.
   */
  expectedAt(id: string): ReadonlySet<string> | undefined {
    const aliveAtEnd = this.#aliveAtEnd.get(id);
    return aliveAtEnd?.hasOwnHeartbeat === true ? aliveAtEnd.members : undefined;
  }

  /** Whether the member is alive, as far as is known: after a break, it takes some time until it is heard. */
  mayAnswer(member: string): boolean {
    const since = this.#connectedSince;
    if (since === undefined || this.#clock.monotonic() - since <= expiryMs) return true;
    return this.alive().includes(member);
  }

  /** The members that have not expired. */
  alive(): readonly string[] {
    const now = this.#disconnectedSince ?? this.#clock.monotonic();
    for (const [member, at] of this.#heardAt) if (now - at > expiryMs) this.#heardAt.delete(member);
    return Array.from(this.#heardAt.keys());
  }
}
