import { type FigureName, figureNames } from "./figures.ts";

/** Seconds between two samples. */
export const sampleIntervalS = 10;
/** One hour. With nine figures, the samples of a process take about 100 KB. */
const maxSamples = 360;

/** The measurements of a process at one time. */
export interface Sample {
  /** Unix time in seconds, a multiple of the interval, so that the samples of all processes fall together. */
  readonly at: number;
  /** As `figuresOf` returns them. */
  readonly figures: Float64Array;
  /** Refusals since the sample before it. */
  readonly refusals: Readonly<Record<string, number>>;
}

/** A sample as JSON: NaN, of a figure that the process does not have, is null. */
export interface PlainSample extends Omit<Sample, "figures"> {
  readonly figures: readonly (number | null)[];
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

/** The samples of one process during the last hour, oldest first. */
export class SampleRing {
  readonly #samples: Sample[] = [];

  /** The time of the newest sample, 0 without any. */
  get newest(): number {
    return this.#samples.at(-1)?.at ?? 0;
  }

  add(sample: Sample): void {
    // The wall clock was set back, or the process was late and two samples fall together: the newer ones count.
    while (this.newest >= sample.at) this.#samples.pop();
    this.#samples.push(sample);
    if (this.#samples.length > maxSamples) this.#samples.shift();
  }

  /** Adds samples that another process has sent. */
  addAll(samples: readonly PlainSample[]): void {
    for (const { at, figures, refusals } of samples) {
      this.add({ at, figures: Float64Array.from(figures, (it) => it ?? Number.NaN), refusals });
    }
  }

  /** @param after Unix time in seconds: only the samples that are newer */
  since(after: number): readonly PlainSample[] {
    return this.#after(after).map((it) => ({
      ...it,
      figures: Array.from(it.figures, (value) => (Number.isNaN(value) ? null : value)),
    }));
  }

  /** @param after Unix time in seconds: only the samples that are newer. Refusals are those of the whole hour */
  columns(after = 0): SampleColumns {
    const samples = this.#after(after);
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

  /** Removes the samples that are older. @param from Unix time in seconds */
  forgetBefore(from: number): void {
    while ((this.#samples[0]?.at ?? from) < from) this.#samples.shift();
  }

  #after(after: number): readonly Sample[] {
    return after === 0 ? this.#samples : this.#samples.filter(({ at }) => at > after);
  }
}
