import { type Metric, metricTable } from "../ops/metric-table.ts";

/** The page of all metrics. */
export function metricsPage(): string {
  return [
    "# Metrics",
    "",
    "<!-- Generated from server/ops/metric-table.ts by `npm run generate`. Edit the table, not this page. -->",
    "",
    "What `GET /metrics` returns to Prometheus. As JSON the names have no prefix, a metric with a label is one sum, and a histogram has",
    "`…_sum` and `…_count`. [Observability](observability.md) says which of them to watch, and what the histograms mean.",
    "",
    "| metric | type | meaning |",
    "|---|---|---|",
    ...metricTable.map(row),
    "",
  ].join("\n");
}

function row({ name, kind, help, label, bounds }: Metric): string {
  const labels = label === undefined ? "" : `{${label.name}}`;
  const buckets = bounds === undefined ? "" : ` Buckets: ${bounds.join(", ")}.`;
  return `| \`fanfare_${name}${labels}\` | ${kind} | ${help}${buckets} |`;
}
