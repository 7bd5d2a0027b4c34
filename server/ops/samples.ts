import { alignedDelay } from "../lib/aligned-delay.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import { type FigureName, figureNames, figuresOf } from "./figures.ts";
import type { MetricValues } from "./metric-table.ts";

/** Seconds between two samples. */
export const sampleIntervalS = 10;
/** One hour. With nine figures, a process keeps about 100 KB. */
const maxSamples = 360;

/** What a process measures for its samples. */
export interface SampleSources {
  /** Levels and counters by name; a counter only grows. */
  readMetrics(): MetricValues;
  /** Refusals since the start, by error code. */
  readRefusals(): Readonly<Record<string, number>>;
}

interface Sample {
  /** Unix time in seconds, a multiple of the interval, so that the samples of all processes fall together. */
  readonly at: number;
  /** As `figuresOf` returns them. */
  readonly figures: Float64Array;
  /** Refusals since the sample before it. */
  readonly refusals: Readonly<Record<string, number>>;
}

/** The samples of one process, as columns. */
export interface SampleColumns {
  /** Unix time in seconds, oldest first. */
  readonly at: readonly number[];
  /** One value per time. Figures that the process does not have are left out. */
  readonly figures: Partial<Readonly<Record<FigureName, readonly number[]>>>;
  /** Refusals during the last hour, by error code. */
  readonly refusals: Readonly<Record<string, number>>;
}

/** Samples the metrics of this process every ten seconds, and keeps the last hour. Ends with the process. */
export class Samples {
  readonly #sources: SampleSources;
  readonly #clock: Clock;
  readonly #samples: Sample[] = [];
  #before: { readonly at: number; readonly metrics: MetricValues; readonly refusals: Readonly<Record<string, number>> };
  #timer: Timer | undefined;

  constructor(sources: SampleSources, clock: Clock) {
    this.#sources = sources;
    this.#clock = clock;
    this.#before = this.#read();
  }

  /** Rates are measured from here on. */
  start(): void {
    this.#before = this.#read();
    this.#schedule();
  }

  /** @param after Unix time in seconds: only the samples that are newer */
  columns(after = 0): SampleColumns {
    const samples = this.#samples.filter(({ at }) => at > after);
    const columns: Partial<Record<FigureName, readonly number[]>> = {};
    figureNames.forEach((name, index) => {
      const values = samples.map(({ figures }) => figures[index] ?? Number.NaN);
      if (values.length > 0 && !values.some(Number.isNaN)) columns[name] = values;
    });
    const refusals: Record<string, number> = {};
    for (const sample of this.#samples) {
      for (const [code, count] of Object.entries(sample.refusals)) refusals[code] = (refusals[code] ?? 0) + count;
    }
    return { at: samples.map(({ at }) => at), figures: columns, refusals };
  }

  /** Idempotent. */
  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #schedule(): void {
    this.#timer = this.#clock.setTimeout(
      () => {
        this.#take();
        this.#schedule();
      },
      alignedDelay(this.#clock, sampleIntervalS * 1000),
    );
  }

  #take(): void {
    const now = this.#read();
    const { at, metrics, refusals } = this.#before;
    const seconds = (now.at - at) / 1000;
    this.#before = now;
    if (seconds <= 0) return;
    const time = Math.round(this.#clock.now() / 1000 / sampleIntervalS) * sampleIntervalS;
    // The wall clock was set back, or the process was late and two samples fall together: the newer ones count.
    while ((this.#samples.at(-1)?.at ?? 0) >= time) this.#samples.pop();
    const figures = figuresOf(now.metrics, metrics, seconds);
    this.#samples.push({ at: time, figures, refusals: growth(now.refusals, refusals) });
    if (this.#samples.length > maxSamples) this.#samples.shift();
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
