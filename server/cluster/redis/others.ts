import type { Clock, Timer } from "../../lib/clock.ts";
import type { Member, MemberId } from "../cluster.ts";
import type { NumberedMember } from "./meeting.ts";

export interface OthersDependencies {
  readonly clock: Clock;
  /** After so much silence a member is gone, milliseconds. */
  readonly silenceMs: number;
  onJoined(member: Member): void;
  onLeft(member: Member): void;
  /** One of those who left did not say so. */
  onSilent(id: MemberId): void;
}

interface Other {
  it: NumberedMember;
  heardAt: number;
}

/** The other members that live, by what is heard of them. */
export class Others {
  readonly #dependencies: OthersDependencies;
  readonly #others = new Map<MemberId, Other>();
  #timer: Timer | undefined;
  /** When silence is looked for next. */
  #lookAt = 0;
  #heardMyselfAt: number;

  constructor(dependencies: OthersDependencies) {
    this.#dependencies = dependencies;
    this.#heardMyselfAt = dependencies.clock.monotonic();
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

  /** A sign of life; the first one is the member's coming. */
  heard(it: NumberedMember): void {
    const known = this.#others.get(it.member.id);
    const heardAt = this.#dependencies.clock.monotonic();
    if (known !== undefined) {
      known.it = it;
      known.heardAt = heardAt;
      return;
    }
    this.#others.set(it.member.id, { it, heardAt });
    this.#dependencies.onJoined(it.member);
  }

  left(id: MemberId): void {
    const other = this.#others.get(id);
    if (!this.#others.delete(id) || other === undefined) return;
    this.#dependencies.onLeft(other.it.member);
  }

  /** This member hears nobody any more. */
  allLeave(): void {
    this.heardMyself();
    for (const id of Array.from(this.#others.keys())) this.left(id);
  }

  /** What this member says to all comes back to it. */
  heardMyself(): void {
    this.#heardMyselfAt = this.#dependencies.clock.monotonic();
  }

  /** Whether what this member said has not come back for so long that its subscription must be broken. */
  isDeaf(): boolean {
    return this.#dependencies.clock.monotonic() - this.#heardMyselfAt > this.#dependencies.silenceMs;
  }

  close(): void {
    this.#timer?.cancel();
    this.#others.clear();
  }

  #arm(): void {
    const { clock, silenceMs } = this.#dependencies;
    this.#lookAt = clock.monotonic() + silenceMs / 4;
    this.#timer = clock.setTimeout(() => this.#look(), silenceMs / 4);
  }

  #look(): void {
    const { clock, silenceMs, onSilent } = this.#dependencies;
    const now = clock.monotonic();
    // For so long this process itself was held up. What the others said meanwhile is read after this: it is no silence.
    const lateMs = Math.max(0, now - this.#lookAt);
    this.#heardMyselfAt += lateMs;
    this.#arm();
    for (const [id, other] of Array.from(this.#others)) {
      other.heardAt += lateMs;
      if (now - other.heardAt <= silenceMs) continue;
      this.left(id);
      onSilent(id);
    }
  }
}
