import type { FanoutOptions } from "./fanout-options.ts";
import { firstConnections, type RoundResult } from "./round.ts";
import { medianOf } from "./statistics.ts";

/** A row of the table: one value per round of a program. */
interface Row {
  readonly label: string;
  readonly digits: number;
  readonly of: (result: RoundResult) => number | undefined;
}

/** Medians over the rounds, by the row's label. */
export type Medians = Readonly<Record<string, number | undefined>>;

/** The medians of each program. A value that is missing in a round is undefined. */
export function mediansOf(rounds: readonly RoundResult[], connections: number): Medians {
  return Object.fromEntries(
    rowsFor(connections).map(({ label, of }) => {
      const values = rounds.map(of).filter((value) => value !== undefined);
      return [label, values.length === 0 ? undefined : medianOf(values)];
    }),
  );
}

/** A Markdown table with a column for each program, and the ratio of each to the first one. */
export function tableOf(results: ReadonlyMap<string, readonly RoundResult[]>, options: FanoutOptions): string {
  const { connections, perSecond, messageLength, seconds, rounds } = options;
  const names = Array.from(results.keys());
  const medians = Array.from(results.values(), (all) => mediansOf(all, connections));
  const head = ["", ...names, ...names.slice(1).map((name) => `${name} : ${names[0]}`)];
  const rows = rowsFor(connections)
    .map(({ label, digits }) => {
      const [base, ...others] = medians.map((it) => it[label]);
      const ratios = others.map((value) => shown(ratio(value, base), 2));
      return [label, ...[base, ...others].map((value) => shown(value, digits)), ...ratios];
    })
    .filter((cells) => cells.slice(1).some((cell) => cell !== ""));
  return [
    `${connections} connections, ${perSecond} messages/s of ${messageLength} characters, ${seconds} s, median of ${rounds} rounds`,
    "",
    line(head),
    line(head.map((_, at) => (at === 0 ? "---" : "---:"))),
    ...rows.map(line),
  ].join("\n");
}

function rowsFor(connections: number): readonly Row[] {
  const perConnection = (part: "rss" | "anonymous") => (result: RoundResult) => {
    const { empty, first, full } = result.memory;
    if (first === undefined) return (full[part] - empty[part]) / connections;
    return (full[part] - first[part]) / (connections - firstConnections);
  };
  const of = connections > firstConnections ? `connection beyond ${firstConnections}` : "connection";
  return [
    { label: "deliveries/s", digits: 0, of: (it) => it.delivery?.perSecond },
    { label: "deliveries missing", digits: 0, of: (it) => it.delivery?.missing },
    { label: "CPU µs per delivery", digits: 3, of: (it) => it.delivery?.cpuUsPerDelivery },
    { label: "context switches/s", digits: 0, of: (it) => it.delivery?.switchesPerSecond },
    { label: "latency p50, ms", digits: 1, of: (it) => it.delivery?.latencyMs?.p50 },
    { label: "latency p99, ms", digits: 1, of: (it) => it.delivery?.latencyMs?.p99 },
    { label: "latency max, ms", digits: 1, of: (it) => it.delivery?.latencyMs?.max },
    { label: "cores of the server", digits: 2, of: (it) => it.delivery?.serverCores },
    { label: "cores of the load generator", digits: 2, of: (it) => it.delivery?.generatorCores },
    { label: `RSS of a ${of}, bytes`, digits: 0, of: perConnection("rss") },
    { label: `anonymous memory of a ${of}, bytes`, digits: 0, of: perConnection("anonymous") },
    { label: "RSS with all connections idle, MB", digits: 1, of: (it) => it.memory.full.rss / 1e6 },
  ];
}

function ratio(value: number | undefined, base: number | undefined): number | undefined {
  return value === undefined || base === undefined || base === 0 ? undefined : value / base;
}

function shown(value: number | undefined, digits: number): string {
  return value === undefined ? "" : value.toFixed(digits);
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}
