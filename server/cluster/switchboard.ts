import { alignedDelay } from "../lib/aligned-delay.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import { randomId } from "../lib/random-id.ts";
import type { Claim, Claimed, ClusterEvents, ClusterMessage, Member, MemberId, MemberState } from "./cluster.ts";

/** How long a member may be silent. It sends three heartbeats in this time. */
export const defaultExpiryMs = 6000;

interface Entry {
  member: Member;
  readonly events: ClusterEvents;
  seenAt: number;
}

interface Held {
  readonly member: MemberId;
  readonly holder: string;
}

/**
 * Connects the members of a cluster in one process: the supervisor's, or their own. Tracks membership, forwards messages,
 * and decides claims.
 */
export class Switchboard {
  readonly #clock: Clock;
  readonly #expiryMs: number;
  readonly #entries = new Map<MemberId, Entry>();
  readonly #claims = new Map<string, Held>();
  #timer: Timer | undefined;
  /** When silence is checked next. */
  #checkAt = 0;

  /** @param expiryMs how long a member may be silent before it expires */
  constructor(clock: Clock, expiryMs = defaultExpiryMs) {
    this.#clock = clock;
    this.#expiryMs = expiryMs;
  }

  /** Tells the new member about all others, and the others about it. @returns its id */
  join(state: MemberState, events: ClusterEvents): MemberId {
    const member = { id: `m_${randomId(9)}`, state };
    for (const entry of this.#entries.values()) {
      entry.events.onJoined(member);
      events.onJoined(entry.member);
    }
    this.#entries.set(member.id, { member, events, seenAt: this.#clock.monotonic() });
    if (this.#timer === undefined) this.#arm();
    return member.id;
  }

  /** A heartbeat. @returns whether it changes the member's state; "unknown" for one that has expired: it must join again */
  beat(id: MemberId, state: MemberState): "changed" | "unchanged" | "unknown" {
    const entry = this.#entries.get(id);
    if (entry === undefined) return "unknown";
    entry.seenAt = this.#clock.monotonic();
    if (Bun.deepEquals(entry.member.state, state)) return "unchanged";
    entry.member = { id, state };
    return "changed";
  }

  /** Whether it is (still) a member. */
  isMember(id: MemberId): boolean {
    return this.#entries.has(id);
  }

  members(): Member[] {
    return Array.from(this.#entries.values(), ({ member }) => member);
  }

  send(from: MemberId, to: MemberId | "others", message: ClusterMessage): void {
    if (!this.#entries.has(from)) return;
    if (to !== "others") {
      this.#entries.get(to)?.events.onMessage(from, message);
      return;
    }
    for (const [id, { events }] of this.#entries) if (id !== from) events.onMessage(from, message);
  }

  /** @throws Error if the caller is not a member (any more), because nothing would ever release the name */
  claim(member: MemberId, { key, holder, over }: Claim): Claimed {
    if (!this.#entries.has(member)) throw new Error("an expired member cannot claim anything");
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
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    this.#entries.delete(id);
    for (const [key, { member }] of this.#claims) if (member === id) this.#claims.delete(key);
    for (const { events } of this.#entries.values()) events.onLeft(entry.member);
    if (this.#entries.size === 0) this.close();
  }

  /** Cancels its timer. */
  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #arm(): void {
    this.#checkAt = this.#clock.monotonic() + this.#expiryMs / 3;
    this.#timer = this.#clock.setTimeout(this.#expire, alignedDelay(this.#clock, this.#expiryMs / 3));
  }

  readonly #expire = (): void => {
    const now = this.#clock.monotonic();
    // This process itself was suspended for this long. It reads messages that arrived meanwhile later, so this is not
    // silence.
    const lateMs = Math.max(0, now - this.#checkAt);
    for (const entry of this.#entries.values()) entry.seenAt += lateMs;
    this.#arm();
    for (const [id, entry] of this.#entries) if (entry.seenAt < now - this.#expiryMs) this.#expireMember(id, entry);
  };

  /** The expired member sees all others leave. If it returns, it joins again. */
  #expireMember(id: MemberId, { events }: Entry): void {
    this.leave(id);
    for (const { member } of this.#entries.values()) events.onLeft(member);
  }
}
