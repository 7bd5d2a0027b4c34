import { type BrokerBenchOptions, parseBrokerBenchOptions, usageOf } from "./broker/broker-options.ts";
import { tableOf } from "./broker/report.ts";
import { type RoundResult, runRound } from "./broker/round.ts";

/** Measures the cost of a log in another process: compares the ipc broker with the embedded one, without clients. */
async function main(): Promise<number> {
  const options = readOptions();
  if (options === undefined) return 1;
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

function readOptions(): BrokerBenchOptions | undefined {
  try {
    return parseBrokerBenchOptions(process.argv.slice(2));
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${usageOf("ipc")}`);
    return undefined;
  }
}

process.exitCode = await main();
