import type { Clock } from "../../lib/clock.ts";

/** A member that was not heard for so long is gone. It says something every 2 s. */
const goneMs = 6000;
/** After listening for so long a member has heard all others: each says something every 2 s. */
const introducedMs = 3000;
/** How long a goodbye is remembered: longer than any question about what was lost takes. */
const rememberedMs = 60_000;

/**
 * The other members that use this Redis, by what they say on its watch topics.
 *
 * While this member is cut off it hears nobody, which says nothing about them: that time does not count.
 */
export class Companions {
  readonly #clock: Clock;
  readonly #heardAt = new Map<string, number>();
  /** Those who said that they leave, and when. */
  readonly #leftAt = new Map<string, number>();
  #cutOffSince: number | undefined;
  /** Since when this member hears the others, and for how long it heard them before. */
  #listeningSince: number | undefined;
  #listenedMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  heard(member: string): void {
    this.#heardAt.set(member, this.#clock.monotonic());
  }

  left(member: string): void {
    this.#heardAt.delete(member);
    const now = this.#clock.monotonic();
    for (const [other, at] of this.#leftAt) if (now - at > rememberedMs) this.#leftAt.delete(other);
    this.#leftAt.set(member, now);
  }

  /** Whether it said a moment ago that it leaves: it is not missing, and has nothing to say. */
  hasLeft(member: string): boolean {
    return this.#leftAt.has(member);
  }

  cutOff(): void {
    this.#cutOffSince ??= this.#clock.monotonic();
    if (this.#listeningSince !== undefined) this.#listenedMs += this.#clock.monotonic() - this.#listeningSince;
    this.#listeningSince = undefined;
  }

  /** Whether there can be nobody else: a member that has just started has not heard of the others yet. */
  get isIntroduced(): boolean {
    const since = this.#listeningSince;
    return this.#listenedMs + (since === undefined ? 0 : this.#clock.monotonic() - since) >= introducedMs;
  }

  connected(): void {
    this.#listeningSince ??= this.#clock.monotonic();
    if (this.#cutOffSince === undefined) return;
    const cutOffMs = this.#clock.monotonic() - this.#cutOffSince;
    this.#cutOffSince = undefined;
    for (const [member, at] of this.#heardAt) this.#heardAt.set(member, at + cutOffMs);
  }

  /** Those who live, as far as it can be known. */
  living(): readonly string[] {
    const now = this.#cutOffSince ?? this.#clock.monotonic();
    for (const [member, at] of this.#heardAt) if (now - at > goneMs) this.#heardAt.delete(member);
    return Array.from(this.#heardAt.keys());
  }
}
