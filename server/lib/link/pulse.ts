import { alignedDelay } from "../aligned-delay.ts";
import type { Clock, Timer } from "../clock.ts";

/** The heartbeat interval of each side, and how many may be missed. */
export interface PulseSettings {
  readonly clock: Clock;
  /** Milliseconds. */
  readonly beatMs: number;
  readonly maxSilentBeats: number;
}

/** The callbacks of a pulse. */
export interface PulseEvents {
  /** An interval has passed. `hasWritten` says whether anything was written since the last one. */
  onBeat(hasWritten: boolean): void;
  /** The other side was silent for this long. No more callbacks follow. */
  onSilence(ms: number): void;
}

/**
 * Detects that the other side of a link hangs.
 *
 * Counts intervals, not milliseconds: if this process itself was suspended, that counts as one interval, and what the other
 * side sent meanwhile is read before the next.
 */
export class Pulse {
  readonly #settings: PulseSettings;
  readonly #events: PulseEvents;
  #timer: Timer | undefined;
  #hasReceived = true;
  #hasWritten = false;
  #silentBeats = 0;

  constructor(settings: PulseSettings, events: PulseEvents) {
    this.#settings = settings;
    this.#events = events;
    this.#arm();
  }

  /** Something was received from the other side. */
  received(): void {
    this.#hasReceived = true;
  }

  /** Something was written to the other side. */
  written(): void {
    this.#hasWritten = true;
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #arm(): void {
    const { clock, beatMs } = this.#settings;
    this.#timer = clock.setTimeout(() => this.#beat(), alignedDelay(clock, beatMs));
  }

  #beat(): void {
    const { beatMs, maxSilentBeats } = this.#settings;
    this.#silentBeats = this.#hasReceived ? 0 : this.#silentBeats + 1;
    this.#hasReceived = false;
    if (this.#silentBeats >= maxSilentBeats) {
      this.#events.onSilence(beatMs * maxSilentBeats);
      return;
    }
    const hasWritten = this.#hasWritten;
    this.#arm();
    this.#events.onBeat(hasWritten);
    this.#hasWritten = false; // its own heartbeat does not count for the next interval
  }
}
