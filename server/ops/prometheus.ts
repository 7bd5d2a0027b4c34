import { AggregatorRegistry } from "prom-client";
import { type MetricValues, metricTable } from "./metric-table.ts";
import { seriesOf } from "./series.ts";

/** The prefix of every name. */
const prefix = "fanfare_";

/** The metrics in the Prometheus text format, version 0.0.4. */
export function prometheusText(values: MetricValues): Promise<string> {
  const metrics = metricTable.map((metric) => ({
    name: prefix + metric.name,
    help: metric.help,
    type: metric.kind,
    aggregator: "sum", // of one set of values, which are summed up already
    values: seriesOf(metric).map(({ key, name, labels }) => ({
      metricName: prefix + name,
      labels,
      value: values[key] ?? 0,
    })),
  }));
  return AggregatorRegistry.aggregate([metrics]).metrics();
}
