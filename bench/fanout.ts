import { type FanoutOptions, parseFanoutOptions, usage } from "./fanout/fanout-options.ts";
import { mediansOf, tableOf } from "./fanout/report.ts";
import { type RoundResult, runRound } from "./fanout/round.ts";

/** What a delivery costs the server, next to the least that a Bun program could do. docs/bench.md says how to read it. */
async function main(): Promise<number> {
  const options = readOptions();
  if (options === undefined) return 1;
  const results = new Map(options.programs.map(({ name }) => [name, [] as RoundResult[]]));
  for (let round = 1; round <= options.rounds; round++) {
    // In turn, so that whatever else the machine does meets them all.
    for (const program of options.programs) {
      console.error(`round ${round} of ${options.rounds}: ${program.name}`);
      results.get(program.name)?.push(await runRound(program, options));
    }
  }
  console.log(options.asJson ? jsonOf(results, options) : tableOf(results, options));
  return 0;
}

function readOptions(): FanoutOptions | undefined {
  try {
    return parseFanoutOptions(process.argv.slice(2));
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${usage}`);
    return undefined;
  }
}

function jsonOf(results: ReadonlyMap<string, readonly RoundResult[]>, options: FanoutOptions): string {
  const { connections, perSecond, messageLength, seconds } = options;
  const programs = Array.from(results, ([name, rounds]) => ({ name, medians: mediansOf(rounds, connections), rounds }));
  return JSON.stringify({ connections, perSecond, messageLength, seconds, programs }, null, 2);
}

process.exitCode = await main();
