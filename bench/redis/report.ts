import type { BrokerBenchOptions } from "../broker/broker-options.ts";
import { medianOf } from "../fanout/statistics.ts";
import type { RedisRound, WorkersOnRedis } from "./redis-round.ts";

const figures: readonly (readonly [label: string, digits: number, of: (result: RedisRound) => number | undefined])[] = [
  ["publications/s", 0, (it) => it.perSecond],
  ["CPU µs per publication, all our processes", 1, (it) => it.cpuUs],
  ["CPU µs per publication, Redis", 1, (it) => it.redisCpuUs],
  ["scripts run per publication", 3, (it) => it.commands],
  ["bytes to Redis per publication", 0, (it) => it.bytesIn],
  ["bytes from Redis per publication", 0, (it) => it.bytesOut],
  ["latency p50, ms", 3, (it) => it.latencyP50Ms],
  ["latency p99, ms", 3, (it) => it.latencyP99Ms],
];

/** A Markdown table with the medians of each arrangement. */
export function redisTable(
  results: Readonly<Record<WorkersOnRedis, readonly RedisRound[]>>,
  { messageLength, inFlight, perSecond, seconds, rounds }: BrokerBenchOptions,
): string {
  const kinds = ["alone", "direct", "through a host"] as const;
  const rows = figures.map(([label, digits, of]) => [
    label,
    ...kinds.map((kind) => {
      const values = results[kind].map(of).filter((it) => it !== undefined);
      return values.length === 0 ? "" : medianOf(values).toFixed(digits);
    }),
  ]);
  return [
    `${messageLength} characters, ${inFlight} in flight per worker for throughput, ${perSecond}/s for latency,`,
    `${seconds} s, median of ${rounds} rounds. Both workers publish, and both receive everything.`,
    "",
    line(["", "one process, no Redis", "two workers on Redis", "two workers, one host on Redis"]),
    line(["---", "---:", "---:", "---:"]),
    ...rows.map(line),
  ].join("\n");
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}
