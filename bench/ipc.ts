import { parseBrokerBenchOptions, usageOf } from "./broker/broker-options.ts";
import { tableOf } from "./broker/report.ts";
import { type RoundResult, runRound } from "./broker/round.ts";
import { readOptions } from "./fanout/read-options.ts";

/** Measures the cost of a log in another process: compares the ipc broker with the embedded one, without clients. */
async function main(): Promise<number> {
  const options = readOptions(parseBrokerBenchOptions, usageOf("ipc"));
  const results = { embedded: [] as RoundResult[], ipc: [] as RoundResult[] };
  for (let round = 1; round <= options.rounds; round++) {
    // In turn, so that other load on the machine affects both alike.
    for (const kind of ["embedded", "ipc"] as const) {
      console.error(`round ${round} of ${options.rounds}: ${kind}`);
      results[kind].push(await runRound(kind, options));
    }
  }
  console.log(options.asJson ? JSON.stringify({ ...options, ...results }, null, 2) : tableOf(results, options));
  return 0;
}

process.exitCode = await main();
