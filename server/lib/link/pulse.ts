import type { Clock, Timer } from "../clock.ts";

/** How often each side shows that it lives, and how many times it may be missed. */
export interface PulseSettings {
  readonly clock: Clock;
  /** Milliseconds. */
  readonly beatMs: number;
  readonly maxSilentBeats: number;
}

/** What a pulse leads to. */
export interface PulseEvents {
  /** A beat passed; `hasSpoken` is whether anything was written since the last. */
  onBeat(hasSpoken: boolean): void;
  /** The other side was silent for so long; there are no more beats. */
  onSilence(ms: number): void;
}

/**
 * Notices that the other side of a link hangs.
 *
 * Beats are counted, not milliseconds: when this process itself stood still, that is one beat, and what the other side
 * sent meanwhile is read before the next.
 */
export class Pulse {
  readonly #settings: PulseSettings;
  readonly #events: PulseEvents;
  #timer: Timer | undefined;
  #hasHeard = true;
  #hasSpoken = false;
  #silentBeats = 0;

  constructor(settings: PulseSettings, events: PulseEvents) {
    this.#settings = settings;
    this.#events = events;
    this.#arm();
  }

  /** Something came from the other side. */
  hear(): void {
    this.#hasHeard = true;
  }

  /** Something was written to it. */
  speak(): void {
    this.#hasSpoken = true;
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #arm(): void {
    const { clock, beatMs } = this.#settings;
    this.#timer = clock.setTimeout(() => this.#beat(), beatMs);
  }

  #beat(): void {
    const { beatMs, maxSilentBeats } = this.#settings;
    this.#silentBeats = this.#hasHeard ? 0 : this.#silentBeats + 1;
    this.#hasHeard = false;
    if (this.#silentBeats >= maxSilentBeats) {
      this.#events.onSilence(beatMs * maxSilentBeats);
      return;
    }
    const hasSpoken = this.#hasSpoken;
    this.#arm();
    this.#events.onBeat(hasSpoken);
    this.#hasSpoken = false; // a beat of this side's own counts for this time only
  }
}
