import type { ScrapedMetric, ScrapedSeries } from "./scrape.ts";

/** Units that a name must not have, and the base unit to use. https://prometheus.io/docs/practices/naming/#base-units */
const baseUnits: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    ["ms", "us", "ns", "sec", "milliseconds", "microseconds", "nanoseconds", "minutes", "hours", "days"].map((it) => [
      it,
      "seconds",
    ]),
  ),
  ...Object.fromEntries(
    ["kb", "mb", "gb", "kib", "mib", "kilobytes", "megabytes", "gigabytes", "bits"].map((it) => [it, "bytes"]),
  ),
  ...Object.fromEntries(["percent", "pct", "percentage"].map((it) => [it, "ratio"])),
};
const types = ["counter", "gauge", "histogram", "summary"];
/** A label with more values than this costs too much memory in Prometheus. */
const maxValues = 100;

/** Violations of the conventions of Prometheus by a metric, with the rules that `promtool check metrics` applies. */
export function faultsOfMetric({ name, type, help, series }: ScrapedMetric): readonly string[] {
  const faults: string[] = [];
  const check = (isRight: boolean, fault: string) => {
    if (!isRight) faults.push(fault);
  };
  const words = name.split("_");
  check(/^[a-z][a-z0-9]*(_[a-z0-9]+)*$/.test(name), "the name is not in snake_case");
  check(name.startsWith("fanfare_"), "the name has no prefix");
  check(/^[A-Z].*\.$/.test(help), "the help is not a sentence");
  check(types.includes(type), `the type is ${type}`);
  check((type === "counter") === name.endsWith("_total"), "counters, and nothing else, end in _total");
  check(!/_(bucket|count|sum|info)$/.test(name), "the name has a suffix with a meaning of its own");
  for (const word of words) {
    check(!types.includes(word), `the name contains its type, ${word}`);
    const unit = baseUnits[word];
    check(unit === undefined, `the unit is ${word}, expected ${unit}`);
  }
  const unit = words.findLastIndex((it) => it === "seconds" || it === "bytes");
  check(unit < 0 || unit >= words.length - (type === "counter" ? 2 : 1), "the unit is not at the end");
  for (const [label, values] of valuesOfLabels(series)) {
    check(/^[a-z][a-z0-9_]*$/.test(label), `the label ${label} is not in snake_case`);
    check(
      label !== "quantile" && (label === "le") === (type === "histogram"),
      `the label ${label} has another meaning`,
    );
    check(values.size <= maxValues, `the label ${label} has ${values.size} values`);
  }
  return [...faults, ...faultsOfValues(type, series)];
}

function faultsOfValues(type: string, series: readonly ScrapedSeries[]): readonly string[] {
  if (series.length === 0) return ["it has no values"];
  if (series.some(({ value }) => Number.isNaN(value))) return ["a value is not a number"];
  if (type !== "gauge" && series.some(({ value }) => value < 0)) return ["a value is negative"];
  if (type !== "histogram") return [];
  const buckets = series.filter(({ name }) => name.endsWith("_bucket"));
  const bounds = buckets.map(({ labels }) => Number(labels.get("le")?.replace("+Inf", "Infinity")));
  const counts = buckets.map(({ value }) => value);
  const isAscending = (numbers: readonly number[]) =>
    numbers.every((it, at) => at === 0 || it >= (numbers[at - 1] ?? 0));
  const total = series.find(({ name }) => name.endsWith("_count"))?.value;
  return [
    ...(isAscending(bounds) && bounds.at(-1) === Number.POSITIVE_INFINITY ? [] : ["the buckets do not end at +Inf"]),
    ...(isAscending(counts) ? [] : ["the counts of the buckets are not cumulative"]),
    ...(counts.at(-1) === total ? [] : ["the last bucket is not the count"]),
    ...(series.some(({ name }) => name.endsWith("_sum")) ? [] : ["there is no sum"]),
  ];
}

function valuesOfLabels(series: readonly ScrapedSeries[]): ReadonlyMap<string, ReadonlySet<string>> {
  const values = new Map<string, Set<string>>();
  for (const { labels } of series) {
    for (const [label, value] of labels) values.set(label, (values.get(label) ?? new Set()).add(value));
  }
  return values;
}
