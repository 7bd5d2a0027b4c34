import type { Clock, Timer } from "../../lib/clock.ts";
import type { Member, MemberId } from "../cluster.ts";
import type { NumberedMember } from "./member-directory.ts";

export interface OthersDependencies {
  readonly clock: Clock;
  /** A member expires after this much silence. Milliseconds. */
  readonly silenceMs: number;
  onJoined(member: Member): void;
  onLeft(member: Member): void;
  /** A member expired without leaving. */
  onSilent(id: MemberId): void;
}

interface Other {
  it: NumberedMember;
  seenAt: number;
}

/**
 * Tracks the other live members by the messages received from them.
 *
 * Silence counts only while this member receives its own broadcasts. While it does not, Redis does not respond or refuses writes, and
 * the others are as silent as this one.
 */
export class Others {
  readonly #dependencies: OthersDependencies;
  readonly #others = new Map<MemberId, Other>();
  #timer: Timer | undefined;
  /** When silence is checked next. */
  #checkAt = 0;
  #sawOwnMessageAt: number;

  constructor(dependencies: OthersDependencies) {
    this.#dependencies = dependencies;
    this.#sawOwnMessageAt = dependencies.clock.monotonic();
    this.#arm();
  }

  knows(id: MemberId): boolean {
    return this.#others.has(id);
  }

  /** Oldest first. */
  all(): readonly Member[] {
    const all = Array.from(this.#others.values(), ({ it }) => it);
    return all.toSorted((a, b) => a.number - b.number).map(({ member }) => member);
  }

  /** A heartbeat; the first one means that the member has joined. */
  seen(it: NumberedMember): void {
    const known = this.#others.get(it.member.id);
    const seenAt = this.#dependencies.clock.monotonic();
    if (known !== undefined) {
      known.it = it;
      known.seenAt = seenAt;
      return;
    }
    this.#others.set(it.member.id, { it, seenAt });
    this.#dependencies.onJoined(it.member);
  }

  left(id: MemberId): void {
    const other = this.#others.get(id);
    if (!this.#others.delete(id) || other === undefined) return;
    this.#dependencies.onLeft(other.it.member);
  }

  /** This member can no longer receive: all others leave. */
  allLeave(): void {
    this.sawOwnMessage();
    for (const id of Array.from(this.#others.keys())) this.left(id);
  }

  /** This member's own broadcasts are delivered to it too. */
  sawOwnMessage(): void {
    const wasWaiting = this.#isWaitingForOwn;
    const now = this.#dependencies.clock.monotonic();
    this.#sawOwnMessageAt = now;
    // The others send again from now on.
    if (wasWaiting) for (const other of this.#others.values()) other.seenAt = now;
  }

  /** Whether own broadcasts have not been delivered for so long that the subscription must be broken. */
  isSubscriptionBroken(): boolean {
    return this.#dependencies.clock.monotonic() - this.#sawOwnMessageAt > this.#dependencies.silenceMs;
  }

  close(): void {
    this.#timer?.cancel();
    this.#others.clear();
  }

  /** Whether heartbeats of this member are missing. */
  get #isWaitingForOwn(): boolean {
    const { clock, silenceMs } = this.#dependencies;
    return clock.monotonic() - this.#sawOwnMessageAt > silenceMs / 2;
  }

  #arm(): void {
    const { clock, silenceMs } = this.#dependencies;
    this.#checkAt = clock.monotonic() + silenceMs / 4;
    this.#timer = clock.setTimeout(() => this.#checkSilence(), silenceMs / 4);
  }

  #checkSilence(): void {
    const { clock, silenceMs, onSilent } = this.#dependencies;
    const now = clock.monotonic();
    // This process itself was late by this much. It reads messages that arrived meanwhile later, so this is not silence.
    const lateMs = Math.max(0, now - this.#checkAt);
    this.#sawOwnMessageAt += lateMs;
    this.#arm();
    const isSilenceCounted = !this.#isWaitingForOwn;
    for (const [id, other] of Array.from(this.#others)) {
      other.seenAt += lateMs;
      if (!isSilenceCounted || now - other.seenAt <= silenceMs) continue;
      this.left(id);
      onSilent(id);
    }
  }
}
