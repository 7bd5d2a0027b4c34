import { type FanoutOptions, parseFanoutOptions, usageOf } from "./fanout-options.ts";
import { readOptions } from "./read-options.ts";
import { mediansOf, tableOf } from "./report.ts";
import { type RoundResult, runRound } from "./round.ts";

/**
 * Measures programs in turn and prints a table of them.
 * @param bench the name of the bench, for the help
 * @returns the exit code
 */
export async function compare(argv: readonly string[], bench: string): Promise<number> {
  const options = readOptions(parseFanoutOptions, usageOf(bench), argv);
  const results = new Map(options.programs.map(({ name }) => [name, [] as RoundResult[]]));
  for (let round = 1; round <= options.rounds; round++) {
    // In turn, so that other load on the machine affects all of them alike.
    for (const program of options.programs) {
      console.error(`round ${round} of ${options.rounds}: ${program.name}`);
      results.get(program.name)?.push(await runRound(program, options));
    }
  }
  console.log(options.asJson ? jsonOf(results, options) : tableOf(results, options));
  return 0;
}

function jsonOf(results: ReadonlyMap<string, readonly RoundResult[]>, options: FanoutOptions): string {
  const { connections, perSecond, messageLength, seconds } = options;
  const programs = Array.from(results, ([name, rounds]) => ({ name, medians: mediansOf(rounds, connections), rounds }));
  return JSON.stringify({ connections, perSecond, messageLength, seconds, programs }, null, 2);
}
