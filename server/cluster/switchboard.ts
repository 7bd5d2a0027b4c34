import type { Clock, Timer } from "../lib/clock.ts";
import { randomId } from "../lib/random-id.ts";
import type { Claim, Claimed, ClusterEvents, ClusterMessage, Member, MemberId, MemberState } from "./cluster.ts";

/** How long a member may be silent. Its heartbeats come every third of it. */
export const defaultExpiryMs = 6000;

interface Seat {
  member: Member;
  readonly events: ClusterEvents;
  heardAt: number;
}

interface Held {
  readonly member: MemberId;
  readonly holder: string;
}

/**
 * Where the members of a cluster meet in one process: the supervisor's, or their own. Knows who is there, passes messages
 * on, and decides who holds a name.
 */
export class Switchboard {
  readonly #clock: Clock;
  readonly #expiryMs: number;
  readonly #seats = new Map<MemberId, Seat>();
  readonly #claims = new Map<string, Held>();
  #timer: Timer | undefined;
  /** When silence is looked for next. */
  #lookAt = 0;

  /** @param expiryMs after so much silence a member counts as gone */
  constructor(clock: Clock, expiryMs = defaultExpiryMs) {
    this.#clock = clock;
    this.#expiryMs = expiryMs;
  }

  /** The newcomer hears of everyone, and everyone of the newcomer. @returns its name in this life */
  join(state: MemberState, events: ClusterEvents): MemberId {
    const member = { id: `m_${randomId(9)}`, state };
    for (const seat of this.#seats.values()) {
      seat.events.onJoined(member);
      events.onJoined(seat.member);
    }
    this.#seats.set(member.id, { member, events, heardAt: this.#clock.monotonic() });
    if (this.#timer === undefined) this.#arm();
    return member.id;
  }

  /** A heartbeat. @returns false where the member is not known (any more): it must join anew */
  hear(id: MemberId, state: MemberState): boolean {
    const seat = this.#seats.get(id);
    if (seat === undefined) return false;
    seat.member = { id, state };
    seat.heardAt = this.#clock.monotonic();
    return true;
  }

  /** Whether it is a member (still). */
  isSeated(id: MemberId): boolean {
    return this.#seats.has(id);
  }

  members(): Member[] {
    return Array.from(this.#seats.values(), ({ member }) => member);
  }

  send(from: MemberId, to: MemberId | "others", message: ClusterMessage): void {
    if (!this.#seats.has(from)) return;
    if (to !== "others") {
      this.#seats.get(to)?.events.onMessage(from, message);
      return;
    }
    for (const [id, { events }] of this.#seats) if (id !== from) events.onMessage(from, message);
  }

  /** @throws Error for who is no member (any more): nobody would ever take the name back */
  claim(member: MemberId, { key, holder, over }: Claim): Claimed {
    if (!this.#seats.has(member)) throw new Error("a member that was given up can claim nothing");
    const previous = this.#claims.get(key);
    const isMine = previous?.holder === holder && previous.member === member;
    const isGranted =
      previous === undefined || isMine || over === "anybody" || (over !== "nobody" && over.holder === previous.holder);
    if (isGranted) this.#claims.set(key, { member, holder });
    return { isGranted, previous: isMine ? undefined : previous };
  }

  release(key: string, holder: string): void {
    if (this.#claims.get(key)?.holder === holder) this.#claims.delete(key);
  }

  /** Idempotent. */
  leave(id: MemberId): void {
    const seat = this.#seats.get(id);
    if (seat === undefined) return;
    this.#seats.delete(id);
    for (const [key, { member }] of this.#claims) if (member === id) this.#claims.delete(key);
    for (const { events } of this.#seats.values()) events.onLeft(seat.member);
    if (this.#seats.size === 0) this.close();
  }

  /** Lets go of its timer. */
  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #arm(): void {
    this.#lookAt = this.#clock.monotonic() + this.#expiryMs / 3;
    this.#timer = this.#clock.setTimeout(this.#expire, this.#expiryMs / 3);
  }

  readonly #expire = (): void => {
    const now = this.#clock.monotonic();
    // So long this process itself stood still. What the members said meanwhile is read after this: it is no silence.
    const stoodMs = Math.max(0, now - this.#lookAt);
    for (const seat of this.#seats.values()) seat.heardAt += stoodMs;
    this.#arm();
    for (const [id, seat] of this.#seats) if (seat.heardAt < now - this.#expiryMs) this.#giveUp(id, seat);
  };

  /** The others have left, as far as it will know: should it come back, it meets them anew. */
  #giveUp(id: MemberId, { events }: Seat): void {
    this.leave(id);
    for (const { member } of this.#seats.values()) events.onLeft(member);
  }
}
