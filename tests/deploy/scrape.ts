/** One metric of a scrape in the Prometheus text format. */
export interface ScrapedMetric {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  /** Names of its lines: the metric's own, or those of its buckets, sum and count. */
  readonly series: readonly ScrapedSeries[];
}

export interface ScrapedSeries {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
}

/**
 * Reads the Prometheus text format, version 0.0.4, as far as servers without time stamps use it.
 * @throws Error for a line that is not in the format
 */
export function parseScrape(text: string): readonly ScrapedMetric[] {
  const metrics: { name: string; type: string; help: string; series: ScrapedSeries[] }[] = [];
  for (const line of text.split("\n").filter((it) => it !== "")) {
    const [, keyword, subject = "", rest = ""] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    if (keyword === "HELP") metrics.push({ name: subject, type: "", help: rest, series: [] });
    const last = metrics.at(-1);
    if (keyword === "TYPE" && last?.name === subject) last.type = rest;
    if (keyword !== undefined) continue;
    const [, name, labels = "", value = ""] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    if (name === undefined || last === undefined || !name.startsWith(last.name))
      throw new Error(`not a metric: ${line}`);
    const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(
      ([, key = "", its = ""]) => [key, its] as const,
    );
    last.series.push({ name, labels: new Map(pairs), value: Number(value) });
  }
  return metrics;
}
