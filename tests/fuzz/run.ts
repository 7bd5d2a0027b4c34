import { makeRandom, seed } from "../seed.ts";
import { Finding, Fuzzer, readCorpus, writeCorpus } from "./fuzz.ts";
import { targets } from "./targets.ts";

/**
 * `npm run fuzz -- [target] [--minutes N]`: mutates the stored inputs, and stores those whose answer is of a new kind. Ends with
 * exit code 1 at the first input that breaks a property, and prints it.
 */
const usage = `Usage: npm run fuzz -- [target...] [--minutes N]

Feeds mutated inputs to everything that reads untrusted text, each target for N minutes (1).
Targets (all by default): ${targets.map(({ name }) => name).join(", ")}`;

const { chosen, minutes } = readArguments(process.argv.slice(2));
console.log(`seed ${seed}`);

for (const { name, make } of chosen) {
  const target = await make();
  const fuzzer = new Fuzzer(target, makeRandom());
  const until = performance.now() + minutes * 60_000;
  try {
    await fuzzer.replay(readCorpus(name));
    const before = fuzzer.kinds;
    await fuzzer.run(() => performance.now() > until);
    console.log(`${name}: ${fuzzer.runs} inputs, ${fuzzer.kinds} kinds of answers (${fuzzer.kinds - before} new)`);
  } catch (error) {
    if (!(error instanceof Finding)) throw error;
    console.log(error.message);
    console.log(error.cause);
    process.exitCode = 1;
  }
  writeCorpus(name, fuzzer.corpus);
  await target.close?.();
}

/** Prints the usage and exits for `--help`, and for arguments that cannot be used. */
function readArguments(given: readonly string[]) {
  if (given.includes("--help") || given.includes("-h")) {
    console.log(usage);
    process.exit(0);
  }
  const at = given.indexOf("--minutes");
  const minutes = at < 0 ? 1 : Number(given[at + 1]);
  if (!(minutes > 0 && minutes < Number.POSITIVE_INFINITY)) refuse("--minutes: expected a number above 0");
  const names = given.filter((_, index) => at < 0 || (index !== at && index !== at + 1));
  const unknown = names.find((it) => !targets.some(({ name }) => name === it));
  if (unknown !== undefined) refuse(`${unknown}: expected one of the targets`);
  return { minutes, chosen: targets.filter(({ name }) => names.length === 0 || names.includes(name)) };
}

function refuse(problem: string): never {
  console.error(`error: ${problem}\n\n${usage}`);
  process.exit(2);
}
