import type { Histogram } from "../lib/histogram.ts";
import type { Metric, MetricValues } from "./metric-table.ts";

/** One number of a metric. Most metrics have one, histograms and metrics with a label have several. */
export interface Series {
  /** Its key in `MetricValues`, such as `gaps_total`, `refusals_total{code="forbidden"}` or `write_bytes_bucket{le="128"}`. */
  readonly key: string;
  /** The key without the label. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** All series of a metric, in the order in which they are shown. */
export function seriesOf({ name, kind, label, bounds = [] }: Metric): readonly Series[] {
  if (kind === "histogram") {
    const buckets = [...bounds.map(String), "+Inf"].map((bound) => labelled(`${name}_bucket`, "le", bound));
    return [...buckets, plain(`${name}_sum`), plain(`${name}_count`)];
  }
  return label === undefined ? [plain(name)] : label.values.map((value) => labelled(name, label.name, value));
}

/** The values of a histogram, by the keys of its series. */
export function histogramValues(name: string, histogram: Histogram): MetricValues {
  const values: Record<string, number> = {};
  const counts = histogram.cumulative();
  for (const [at, count] of counts.entries()) {
    values[keyOf(`${name}_bucket`, "le", String(histogram.bounds[at] ?? "+Inf"))] = count;
  }
  values[`${name}_sum`] = histogram.sum;
  values[`${name}_count`] = counts.at(-1) ?? 0;
  return values;
}

/** The values of a metric with a label, by the keys of its series. */
export function labelledValues(name: string, label: string, counts: Iterable<readonly [string, number]>): MetricValues {
  return Object.fromEntries(Array.from(counts, ([value, count]) => [keyOf(name, label, value), count]));
}

function plain(name: string): Series {
  return { key: name, name, labels: {} };
}

function labelled(name: string, label: string, value: string): Series {
  return { key: keyOf(name, label, value), name, labels: { [label]: value } };
}

function keyOf(name: string, label: string, value: string): string {
  return `${name}{${label}="${value}"}`;
}
