import { type FanoutOptions, parseFanoutOptions, usageOf } from "./fanout-options.ts";
import { mediansOf, tableOf } from "./report.ts";
import { type RoundResult, runRound } from "./round.ts";

/**
 * Measures programs in turn and prints a table of them.
 * @param bench what a person called it by, for the help
 * @returns the exit code
 */
export async function compare(argv: readonly string[], bench: string): Promise<number> {
  const options = readOptions(argv, bench);
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
