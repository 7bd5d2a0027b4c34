import type { Clock } from "../../lib/clock.ts";

/** A member that was not heard for so long is gone. It says something every 2 s. */
const goneMs = 6000;

/**
 * The other members that use this Redis, by what they say on its watch topics.
 *
 * While this member is cut off it hears nobody, which says nothing about them: that time does not count.
 */
export class Companions {
  readonly #clock: Clock;
  readonly #heardAt = new Map<string, number>();
  #cutOffSince: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  heard(member: string): void {
    this.#heardAt.set(member, this.#clock.monotonic());
  }

  left(member: string): void {
    this.#heardAt.delete(member);
  }

  cutOff(): void {
    this.#cutOffSince ??= this.#clock.monotonic();
  }

  connected(): void {
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
