import type { Clock, Timer } from "../../lib/clock.ts";

/** What happens to one stream as time passes. Milliseconds. */
export interface StreamTimes {
  /** Until the stream has to resume on a new connection; undefined for never. */
  readonly lifetimeMs: number | undefined;
  /** Between two heartbeats; undefined for none. */
  readonly heartbeatMs: number | undefined;
}

export interface StreamTimerEvents {
  onHeartbeat(): void;
  onLifetimeOver(): void;
}

/** The timers of one stream, from its start to its end. */
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
      this.#beat(ms, events); // first, because the event may be what ends the stream
      events.onHeartbeat();
    }, ms);
  }
}
