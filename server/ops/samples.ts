import { alignedDelay } from "../lib/aligned-delay.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import { figuresOf } from "./figures.ts";
import type { MetricValues } from "./metric-table.ts";
import { SampleRing, sampleIntervalS } from "./sample-ring.ts";

/** Rates over a shorter time say little. Milliseconds. */
const shortestMs = 100;

/** The measurements of a process for its samples. */
export interface SampleSources {
  /** Levels and counters by name; a counter only grows. */
  readMetrics(): MetricValues;
  /** Refusals since the start, by error code. */
  readRefusals(): Readonly<Record<string, number>>;
}

/** Samples the metrics of this process every ten seconds, and keeps the last hour. */
export class Samples {
  readonly ring = new SampleRing();
  readonly #sources: SampleSources;
  readonly #clock: Clock;
  #before: { readonly at: number; readonly metrics: MetricValues; readonly refusals: Readonly<Record<string, number>> };
  #timer: Timer | undefined;

  constructor(sources: SampleSources, clock: Clock) {
    this.#sources = sources;
    this.#clock = clock;
    this.#before = this.#read();
  }

  /**
   * Rates are measured from here on. The first sample is taken when the processes that run already take theirs: without it, a
   * reload would look like a drop, because clients that have moved would be counted nowhere.
   */
  start(): void {
    this.#before = this.#read();
    const intervalMs = sampleIntervalS * 1000;
    const untilNextMs = intervalMs - (this.#clock.now() % intervalMs);
    this.#schedule(untilNextMs < shortestMs ? untilNextMs + intervalMs : untilNextMs);
  }

  /** Idempotent. */
  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #schedule(delayMs = alignedDelay(this.#clock, sampleIntervalS * 1000)): void {
    this.#timer = this.#clock.setTimeout(() => {
      this.#take();
      this.#schedule();
    }, delayMs);
  }

  #take(): void {
    const now = this.#read();
    const { at, metrics, refusals } = this.#before;
    const seconds = (now.at - at) / 1000;
    this.#before = now;
    if (seconds <= 0) return;
    const time = Math.round(this.#clock.now() / 1000 / sampleIntervalS) * sampleIntervalS;
    const figures = figuresOf(now.metrics, metrics, seconds);
    this.ring.add({ at: time, figures, refusals: growth(now.refusals, refusals) });
  }

  #read() {
    const at = this.#clock.monotonic();
    return { at, metrics: this.#sources.readMetrics(), refusals: this.#sources.readRefusals() };
  }
}

/** Shared by all samples without refusals. */
const none: Readonly<Record<string, number>> = {};

function growth(
  now: Readonly<Record<string, number>>,
  before: Readonly<Record<string, number>>,
): Readonly<Record<string, number>> {
  const grown = Object.entries(now).map(([code, count]) => [code, count - (before[code] ?? 0)] as const);
  const refused = grown.filter(([, count]) => count > 0);
  return refused.length === 0 ? none : Object.fromEntries(refused);
}
