import { readOptions } from "./fanout/read-options.ts";
import { medianOf } from "./fanout/statistics.ts";
import { type LogBenchOptions, parseLogBenchOptions, usage } from "./log/log-bench-options.ts";
import { type LogRound, runLogRound } from "./log/log-round.ts";

/** Measures the cost of durable history for publishers: the same load with a log in memory and with one in a file. */
async function main(): Promise<number> {
  const options = readOptions(parseLogBenchOptions, usage);
  const rounds = { memory: [] as LogRound[], sqlite: [] as LogRound[] };
  for (let round = 1; round <= options.rounds; round++) {
    // In turn, so that other load on the machine affects both alike.
    for (const kind of ["memory", "sqlite"] as const) {
      console.error(`round ${round} of ${options.rounds}: ${kind}`);
      rounds[kind].push(await runLogRound(kind, options));
    }
  }
  console.log(options.asJson ? JSON.stringify({ ...options, ...rounds }, null, 2) : tableOf(rounds, options));
  return 0;
}

function tableOf(
  { memory, sqlite }: { readonly memory: readonly LogRound[]; readonly sqlite: readonly LogRound[] },
  { publishers, channels, size, seconds, rounds }: LogBenchOptions,
): string {
  const row = (label: string, digits: number, of: (round: LogRound) => number) => {
    const [base, other] = [medianOf(memory.map(of)), medianOf(sqlite.map(of))];
    return `| ${label} | ${base.toFixed(digits)} | ${other.toFixed(digits)} | ${(other / base).toFixed(2)} |`;
  };
  return [
    `${publishers} publishers, each with one message of ${size} characters in flight, ${channels} channels, ${seconds} s, median of ${rounds} rounds`,
    "",
    "| | memory | sqlite | sqlite : memory |",
    "|---|---:|---:|---:|",
    row("acknowledged/s", 0, (it) => it.perSecond),
    row("CPU µs per message", 2, (it) => it.cpuUsPerMessage),
    row("latency p50, ms", 3, (it) => it.latencyMs.p50),
    row("latency p99, ms", 3, (it) => it.latencyMs.p99),
    row("latency max, ms", 1, (it) => it.latencyMs.max),
  ].join("\n");
}

process.exitCode = await main();
