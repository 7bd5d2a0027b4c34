import type { Position } from "../../protocol/position.ts";

/** A violation of one law. */
export interface Violation {
  readonly law: Law;
  readonly text: string;
  /** Milliseconds since the simulation began. */
  readonly at: number;
}

export type Law =
  | "one publication per position"
  | "one position per publication"
  | "contiguous or announced"
  | "no gap while history reaches back"
  | "order of one publisher"
  | "everything delivered at rest"
  | "everything level at rest"
  | "counts are true at rest"
  | "presence is true at rest"
  | "presence fits its events"
  | "one connection per user"
  | "a free user is let in"
  | "no notice of a move"
  | "no notice of a failover that lost nothing"
  | "each occurrence once"
  | "every promise settles"
  | "everybody is connected at rest"
  | "no fault in the code";

/** Records what publishers were told and what subscribers saw, and reports contradictions. */
export class History {
  readonly violations: Violation[] = [];
  /** Publications acknowledged to a publisher. */
  acknowledged = 0;
  /** Deliveries. */
  seen = 0;
  readonly #now: () => number;
  readonly #idAt = new Map<string, string>();
  readonly #placeOf = new Map<string, string>();
  readonly #tops = new Map<string, number>();

  constructor(now: () => number) {
    this.#now = now;
  }

  violate(law: Law, text: string): void {
    this.violations.push({ law, text, at: this.#now() });
  }

  expect(isTrue: boolean, law: Law, otherwise: () => string): void {
    if (!isTrue) this.violate(law, otherwise());
  }

  /** `who` received this publication at this position, or was told that it has this position. */
  observe(who: string, channel: string, { epoch, offset }: Position, id: string): void {
    const place = `${channel} ${epoch} ${offset}`;
    const known = this.#idAt.get(place);
    if (known === undefined) this.#idAt.set(place, id);
    else if (known !== id) {
      this.violate("one publication per position", `${place} is ${known}, and ${id} for ${who}`);
    }
    const name = `${channel} ${epoch} ${id}`;
    const other = this.#placeOf.get(name);
    if (other === undefined) this.#placeOf.set(name, place);
    else if (other !== place)
      this.violate("one position per publication", `${id} is at ${other}, and at ${place} for ${who}`);
    const numbering = `${channel} ${epoch}`;
    this.#tops.set(numbering, Math.max(offset, this.#tops.get(numbering) ?? 0));
  }

  /** The highest offset that anybody has seen in an epoch. */
  topOf(channel: string, epoch: string): number {
    return this.#tops.get(`${channel} ${epoch}`) ?? 0;
  }
}
