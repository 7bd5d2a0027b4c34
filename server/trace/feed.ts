import type { Clock } from "../lib/clock.ts";
import { type Happening, isWanted, type TailFilter } from "./happening.ts";

/** How often collected happenings are passed on, and how many of them each time: more are counted, and dropped. */
const batchMs = 200;
const maxBatch = 500;

/** What one listener gets at a time. */
export interface FeedBatch {
  readonly happenings: readonly Happening[];
  /** How many more matched and were dropped. */
  readonly dropped: number;
}

interface Listener {
  readonly filter: TailFilter;
  readonly onBatch: (batch: FeedBatch) => void;
  happenings: Happening[];
  dropped: number;
}

/**
 * What happens in this worker, for live tails. Callers check `isWatched` first, so it costs nothing while nobody does.
 * Listeners are called later, in batches of limited size: they are never in the way of delivery.
 */
export class Feed {
  readonly #clock: Pick<Clock, "now" | "setTimeout">;
  readonly #listeners = new Set<Listener>();
  #isScheduled = false;

  constructor(clock: Pick<Clock, "now" | "setTimeout">) {
    this.#clock = clock;
  }

  get isWatched(): boolean {
    return this.#listeners.size > 0;
  }

  /** @returns a function that stops it */
  watch(filter: TailFilter, onBatch: (batch: FeedBatch) => void): () => void {
    const listener: Listener = { filter, onBatch, happenings: [], dropped: 0 };
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  report(happening: Omit<Happening, "at">): void {
    const dated: Happening = { at: this.#clock.now(), ...happening };
    for (const listener of this.#listeners) {
      if (!isWanted(listener.filter, dated)) continue;
      if (listener.happenings.length < maxBatch) listener.happenings.push(dated);
      else listener.dropped++;
      this.#schedule();
    }
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#clock.setTimeout(() => this.#passOn(), batchMs);
  }

  #passOn(): void {
    this.#isScheduled = false;
    for (const listener of this.#listeners) {
      const { happenings, dropped } = listener;
      if (happenings.length === 0) continue;
      listener.happenings = [];
      listener.dropped = 0;
      listener.onBatch({ happenings, dropped });
    }
  }
}
