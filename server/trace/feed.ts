import type { Clock } from "../lib/clock.ts";
import { isWanted, type TailEvent, type TailFilter } from "./tail-event.ts";

/** How often collected events are passed on, and how many of them each time: more are counted, and dropped. */
const batchMs = 200;
const maxBatch = 500;

/** The events that one listener gets at a time. */
export interface FeedBatch {
  readonly events: readonly TailEvent[];
  /** How many more matched and were dropped. */
  readonly dropped: number;
}

interface Listener {
  readonly filter: TailFilter;
  readonly onBatch: (batch: FeedBatch) => void;
  events: TailEvent[];
  dropped: number;
}

/**
 * The events of this worker, for live tails. Callers check `isWatched` first, so it costs nothing while nobody watches.
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
    const listener: Listener = { filter, onBatch, events: [], dropped: 0 };
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  report(event: Omit<TailEvent, "at">): void {
    const dated: TailEvent = { at: this.#clock.now(), ...event };
    for (const listener of this.#listeners) {
      if (!isWanted(listener.filter, dated)) continue;
      if (listener.events.length < maxBatch) listener.events.push(dated);
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
      const { events, dropped } = listener;
      if (events.length === 0) continue;
      listener.events = [];
      listener.dropped = 0;
      listener.onBatch({ events, dropped });
    }
  }
}
