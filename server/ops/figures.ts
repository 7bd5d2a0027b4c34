import type { MetricValues } from "./metric-table.ts";

/** A figure of which a process keeps the last hour. */
interface Figure {
  /** The metrics that are added up. A process that has none of them does not have the figure. */
  readonly of: readonly string[];
  /** `level`: the value at the time of the sample. `rate`: the growth per second since the sample before it. */
  readonly kind: "level" | "rate";
  readonly help: string;
}

/** The figures by name, in the order in which they are shown. */
export const figureTable = {
  connections: { of: ["active_connections"], kind: "level", help: "Open connections." },
  messages_per_s: { of: ["publications_total"], kind: "rate", help: "Publications per second." },
  deliveries_per_s: {
    of: ["deliveries_total", "pumped_total"],
    kind: "rate",
    help: "Publications that were sent to connections, per second.",
  },
  cpu_cores: { of: ["cpu_seconds_total"], kind: "rate", help: "CPU time per second: 1 is one busy core." },
  memory_bytes: { of: ["memory_bytes"], kind: "level", help: "Resident memory." },
  slow_connections: { of: ["slow_connections"], kind: "level", help: "Connections whose socket buffer is full." },
  lagging: { of: ["lagging"], kind: "level", help: "Subscriptions that are behind, and are sent history." },
  gaps_per_s: { of: ["gaps_total"], kind: "rate", help: "Gaps that were announced to clients, per second." },
  refusals_per_s: { of: ["all_refusals_total"], kind: "rate", help: "Refusals per second, of any kind." },
} as const satisfies Readonly<Record<string, Figure>>;

export type FigureName = keyof typeof figureTable;

export const figureNames = Object.keys(figureTable) as readonly FigureName[];

/**
 * The figures of one sample, in the order of the table; NaN for one that the process does not have. Rates need the sample before
 * it. An array of numbers, because a process keeps hundreds of samples: as maps they took four times the memory.
 * @param seconds between the two samples
 */
export function figuresOf(now: MetricValues, before: MetricValues, seconds: number): Float64Array {
  return Float64Array.from(figureNames, (name) => {
    const { of, kind }: Figure = figureTable[name];
    if (!of.some((metric) => metric in now)) return Number.NaN;
    const value = sumOf(now, of);
    return kind === "level" ? value : rounded(Math.max(0, value - sumOf(before, of)) / seconds);
  });
}

function sumOf(values: MetricValues, names: readonly string[]): number {
  return names.reduce((sum, name) => sum + (values[name] ?? 0), 0);
}

/** Three decimals are enough for a chart, and keep the answer small. */
function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
