import { type MetricValues, metricTable } from "../ops/metric-table.ts";
import { seriesOf } from "../ops/series.ts";

/**
 * The counters and histograms of workers that have stopped. The supervisor reports them, so that the sums of the whole server do not go back
 * when workers are replaced.
 */
export class StoppedMetrics {
  readonly #sums = new Map<string, number>();

  add(metrics: MetricValues): void {
    for (const metric of metricTable) {
      if (metric.kind === "gauge") continue;
      for (const { key } of seriesOf(metric)) {
        const value = metrics[key];
        if (value !== undefined) this.#sums.set(key, (this.#sums.get(key) ?? 0) + value);
      }
    }
  }

  /** Adds the sums to the metrics of the process itself. */
  addedTo(own: MetricValues): MetricValues {
    const sums = Array.from(this.#sums, ([key, sum]) => [key, sum + (own[key] ?? 0)] as const);
    return { ...own, ...Object.fromEntries(sums) };
  }
}
