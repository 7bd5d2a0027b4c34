import { getLogger } from "@logtape/logtape";
import { backoff } from "../lib/backoff.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import { textBytes } from "../lib/own-text.ts";
import { Breaker } from "./breaker.ts";
import { ClientShares } from "./client-shares.ts";
import type { Post, PostAnswer } from "./post.ts";

/** Requests at the same time. */
const maxInFlight = 16;
const retries = { firstMs: 1000, maxMs: 60_000 };
/** The bytes that an event takes in addition to its text. */
const eventOverheadBytes = 300;
/** Dropped events are logged once, and again after this long without one. */
const quietMs = 60_000;

/** One event, as it is sent. */
export interface WebhookEvent {
  /** The same for each attempt. */
  readonly id: string;
  /** Events of one lane are sent one after the other. */
  readonly lane: string;
  /** JSON. */
  readonly body: string;
  /** The client that caused it, as in `Draft.publisher`. Undefined: an API key or the server. */
  readonly client?: string | undefined;
}

export interface WebhookQueueSettings {
  readonly url: string;
  readonly timeoutMs: number;
  /** How long an event is tried. */
  readonly retryForMs: number;
  readonly maxEvents: number;
  readonly maxBytes: number;
}

interface Waiting extends WebhookEvent {
  readonly bytes: number;
  /** When it is given up, by the monotonic clock. */
  readonly until: number;
}

interface Lane {
  readonly events: Waiting[];
  attempts: number;
  /** While its first event waits for the next attempt. */
  pause: Timer | undefined;
}

/**
 * Sends events to the application: those of a lane in order, each until it was accepted or is too old. It holds a bounded number
 * of events and bytes, a quarter of them for one client; further events are dropped and counted. Adding an event
 * never waits or throws.
 */
export class WebhookQueue {
  /** Plain additions, read by the metrics scraper. */
  readonly counts = { sent: 0, failures: 0, dropped: 0 };
  readonly #settings: WebhookQueueSettings;
  readonly #post: Post;
  readonly #clock: Clock;
  readonly #breaker: Breaker;
  readonly #shares: ClientShares;
  readonly #lanes = new Map<string, Lane>();
  /** Lanes whose first event can be sent, in turn. */
  readonly #ready = new Set<string>();
  #events = 0;
  #bytes = 0;
  #inFlight = 0;
  #resume: Timer | undefined;
  #isClosed = false;
  #droppedAt = Number.NEGATIVE_INFINITY;
  #onIdle: (() => void) | undefined;

  constructor(settings: WebhookQueueSettings, post: Post, clock: Clock) {
    this.#settings = settings;
    this.#post = post;
    this.#clock = clock;
    this.#breaker = new Breaker(clock);
    this.#shares = new ClientShares({ events: settings.maxEvents, bytes: settings.maxBytes });
  }

  /** Events that are not sent yet. */
  get size(): number {
    return this.#events;
  }

  get bytes(): number {
    return this.#bytes;
  }

  add(event: WebhookEvent): void {
    const bytes = textBytes(event.body) + textBytes(event.lane) + eventOverheadBytes;
    const { maxEvents, maxBytes, retryForMs } = this.#settings;
    const isFull = this.#isClosed || this.#events >= maxEvents || this.#bytes + bytes > maxBytes;
    if (isFull || (event.client !== undefined && !this.#shares.add(event.client, bytes))) {
      this.#drop();
      return;
    }
    this.#events++;
    this.#bytes += bytes;
    const waiting = { ...event, bytes, until: this.#clock.monotonic() + retryForMs };
    const lane = this.#lanes.get(event.lane);
    if (lane !== undefined) {
      lane.events.push(waiting);
      return;
    }
    this.#lanes.set(event.lane, { events: [waiting], attempts: 0, pause: undefined });
    this.#ready.add(event.lane);
    this.#sendReady();
  }

  /** Tries to send the remaining webhooks for at most this time, then drops the rest. Idempotent. */
  async close(ms: number): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const [name, lane] of this.#lanes) if (lane.pause !== undefined) this.#proceed(name, lane);
    this.#sendReady();
    if (this.#inFlight > 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#onIdle = resolve;
      const timer = this.#clock.setTimeout(resolve, ms);
      await promise;
      timer.cancel();
    }
    this.#resume?.cancel();
    for (const { pause } of this.#lanes.values()) pause?.cancel();
    this.#lanes.clear();
    this.#ready.clear();
    if (this.#events === 0) return;
    this.counts.dropped += this.#events;
    log().warning("{count} webhook(s) were not delivered before the server stopped", { count: this.#events });
  }

  #sendReady(): void {
    for (const name of this.#ready) {
      if (this.#inFlight >= maxInFlight) return;
      if (!this.#breaker.enter()) {
        this.#resumeLater();
        return;
      }
      this.#ready.delete(name);
      const lane = this.#lanes.get(name);
      const first = lane?.events[0];
      if (lane !== undefined && first !== undefined) void this.#send(name, lane, first);
    }
  }

  async #send(name: string, lane: Lane, { id, body }: WebhookEvent): Promise<void> {
    const { url, timeoutMs } = this.#settings;
    this.#inFlight++;
    try {
      this.#answered(name, lane, await this.#post({ url, id, body, timeoutMs }));
    } catch (error) {
      this.#breakIf(true, error instanceof Error ? error.message : String(error));
      this.#failed(name, lane, 0);
    }
    this.#inFlight--;
    this.#sendReady();
    if (this.#inFlight === 0) this.#onIdle?.();
  }

  #answered(name: string, lane: Lane, { status, retryAfterS = 0 }: PostAnswer): void {
    if (status >= 200 && status < 300) {
      this.#breaker.succeeded();
      this.counts.sent++;
      this.#next(name, lane);
      return;
    }
    // A refusal of this event says nothing about the others.
    this.#breakIf(status >= 500 || status === 408 || status === 429, `status ${status}`);
    this.#failed(name, lane, retryAfterS * 1000);
  }

  #breakIf(isFault: boolean, reason: string): void {
    if (!isFault) this.#breaker.succeeded();
    else if (this.#breaker.failed()) {
      const { url } = this.#settings;
      log().warning("Webhooks cannot be delivered to {url} and are retried later: {reason}", { url, reason });
    }
  }

  #failed(name: string, lane: Lane, retryAfterMs: number): void {
    this.counts.failures++;
    lane.attempts++;
    const pauseMs = Math.max(backoff(lane.attempts, retries), Math.min(retryAfterMs, retries.maxMs));
    const isOver = this.#clock.monotonic() + pauseMs > (lane.events[0]?.until ?? 0);
    if (isOver) {
      this.#drop();
      this.#next(name, lane);
    } else if (!this.#isClosed) lane.pause = this.#clock.setTimeout(() => this.#proceed(name, lane), pauseMs);
  }

  #proceed(name: string, lane: Lane): void {
    lane.pause?.cancel();
    lane.pause = undefined;
    this.#ready.add(name);
    this.#sendReady();
  }

  /** The first event of the lane was sent or given up. */
  #next(name: string, lane: Lane): void {
    const done = lane.events.shift();
    lane.attempts = 0;
    this.#events--;
    this.#bytes -= done?.bytes ?? 0;
    if (done?.client !== undefined) this.#shares.remove(done.client, done.bytes);
    if (lane.events.length > 0) this.#ready.add(name);
    else this.#lanes.delete(name);
  }

  #drop(): void {
    this.counts.dropped++;
    const now = this.#clock.monotonic();
    const wasQuiet = now - this.#droppedAt > quietMs;
    this.#droppedAt = now;
    if (!wasQuiet || this.#isClosed) return;
    const { url } = this.#settings;
    log().warning(
      "Webhooks to {url} are dropped: the receiver is too slow or unavailable, or a client causes too many",
      {
        url,
      },
    );
  }

  #resumeLater(): void {
    if (this.#resume !== undefined || this.#isClosed) return;
    // While one request tries whether the receiver is back, its end resumes the others.
    this.#resume = this.#clock.setTimeout(
      () => {
        this.#resume = undefined;
        this.#sendReady();
      },
      Math.max(100, this.#breaker.waitMs),
    );
  }
}

function log() {
  return getLogger(["fanfare", "hooks"]);
}
