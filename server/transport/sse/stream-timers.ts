import type { Clock, Timer } from "../../lib/clock.ts";

/** The timing of one stream. Milliseconds. */
export interface StreamTimes {
  /** Until the stream must resume on a new connection; undefined for no limit. */
  readonly lifetimeMs: number | undefined;
  /** Interval of heartbeats; undefined for none. */
  readonly heartbeatMs: number | undefined;
}

export interface StreamTimerEvents {
  onHeartbeat(): void;
  onLifetimeOver(): void;
}

/** The timers of one stream. */
export class StreamTimers {
  readonly #clock: Clock;
  readonly #lifetime: Timer | undefined;
  #heartbeat: Timer | undefined;

  constructor({ lifetimeMs, heartbeatMs }: StreamTimes, events: StreamTimerEvents, clock: Clock) {
    this.#clock = clock;
    if (lifetimeMs !== undefined) this.#lifetime = clock.setTimeout(() => events.onLifetimeOver(), lifetimeMs);
    if (heartbeatMs !== undefined) this.#beat(heartbeatMs, events);
  }

  /** Idempotent. */
  close(): void {
    this.#lifetime?.cancel();
    this.#heartbeat?.cancel();
  }

  #beat(ms: number, events: StreamTimerEvents): void {
    this.#heartbeat = this.#clock.setTimeout(() => {
      this.#beat(ms, events); // rescheduled first, because the handler may end the stream
      events.onHeartbeat();
    }, ms);
  }
}
