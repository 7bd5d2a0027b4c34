import { medianOf } from "../fanout/statistics.ts";
import type { BrokerBenchOptions } from "./broker-options.ts";
import type { BrokerKind, RoundResult } from "./round.ts";

type Results = Readonly<Record<BrokerKind, readonly RoundResult[]>>;

const figures: readonly (readonly [label: string, digits: number, of: (result: RoundResult) => number | undefined])[] =
  [
    ["publications/s", 0, (it) => it.perSecond],
    ["CPU µs per publication, worker", 2, (it) => it.workerCpuUs],
    ["CPU µs per publication, host", 2, (it) => it.hostCpuUs],
    ["CPU µs per publication, both", 2, (it) => it.workerCpuUs + (it.hostCpuUs ?? 0)],
    ["CPU µs per delivery, workers that only listen", 2, (it) => it.listenerCpuUs],
    ["latency p50, ms", 3, (it) => it.latencyP50Ms],
    ["latency p99, ms", 3, (it) => it.latencyP99Ms],
  ];

/** A Markdown table with the medians of each broker, and the cost of the additional hop (ipc : embedded). */
export function tableOf({ embedded, ipc }: Results, options: BrokerBenchOptions): string {
  const { messageLength, inFlight, perSecond, listeners, seconds, rounds } = options;
  const rows = figures
    .map(([label, digits, of]) => {
      const [one, other] = [medianFor(embedded, of), medianFor(ipc, of)];
      const ratio = one === undefined || other === undefined ? undefined : other / one;
      return [label, shown(one, digits), shown(other, digits), shown(ratio, 2)];
    })
    .filter((cells) => cells.slice(1).some((cell) => cell !== ""));
  return [
    `${messageLength} characters, ${inFlight} in flight for throughput, ${perSecond}/s for latency,`,
    `${listeners} more listeners, ${seconds} s, median of ${rounds} rounds`,
    "",
    line(["", "embedded", "ipc", "ipc : embedded"]),
    line(["---", "---:", "---:", "---:"]),
    ...rows.map(line),
  ].join("\n");
}

function medianFor(
  results: readonly RoundResult[],
  of: (result: RoundResult) => number | undefined,
): number | undefined {
  const values = results.map(of).filter((value) => value !== undefined);
  return values.length === 0 ? undefined : medianOf(values);
}

function shown(value: number | undefined, digits: number): string {
  return value === undefined ? "" : value.toFixed(digits);
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}
