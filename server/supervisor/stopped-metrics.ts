import { type MetricValues, metricTable } from "../ops/metric-table.ts";

/**
 * The counters of workers that have stopped. The supervisor reports them, so that the sums of the whole server do not go back
 * when workers are replaced.
 */
export class StoppedMetrics {
  readonly #sums = new Map<string, number>();

  add(metrics: MetricValues): void {
    for (const { name, kind } of metricTable) {
      const value = metrics[name];
      if (kind === "counter" && value !== undefined) this.#sums.set(name, (this.#sums.get(name) ?? 0) + value);
    }
  }

  /** Adds the sums to the metrics of the process itself. */
  addedTo(own: MetricValues): MetricValues {
    const sums = Array.from(this.#sums, ([name, sum]) => [name, sum + (own[name] ?? 0)] as const);
    return { ...own, ...Object.fromEntries(sums) };
  }
}
