import { type FanoutOptions, parseFanoutOptions, usageOf } from "./fanout-options.ts";
import { mediansOf, tableOf } from "./report.ts";
import { type RoundResult, runRound } from "./round.ts";

/**
 * Measures programs in turn and prints a table of them.
 * @param bench the name of the bench, for the help
 * @returns the exit code
 */
export async function compare(argv: readonly string[], bench: string): Promise<number> {
  const options = readOptions(argv, bench);
  if (options === undefined) return 1;
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

function readOptions(argv: readonly string[], bench: string): FanoutOptions | undefined {
  try {
    return parseFanoutOptions(argv);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${usageOf(bench)}`);
    return undefined;
  }
}

function jsonOf(results: ReadonlyMap<string, readonly RoundResult[]>, options: FanoutOptions): string {
  const { connections, perSecond, messageLength, seconds } = options;
  const programs = Array.from(results, ([name, rounds]) => ({ name, medians: mediansOf(rounds, connections), rounds }));
  return JSON.stringify({ connections, perSecond, messageLength, seconds, programs }, null, 2);
}
