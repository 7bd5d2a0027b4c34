import { makeRandom, seed } from "../seed.ts";
import { Finding, Fuzzer, readCorpus, writeCorpus } from "./fuzz.ts";
import { targets } from "./targets.ts";

/**
 * `npm run fuzz -- [target] [--minutes N]`: mutates the stored inputs, and stores those whose answer is of a new kind. Ends with
 * exit code 1 at the first input that breaks a property, and prints it.
 */
const { positionals, minutes } = readArguments(process.argv.slice(2));
const chosen = targets.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
if (chosen.length === 0) throw new Error(`expected one of ${targets.map(({ name }) => name).join(", ")}`);
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

function readArguments(given: readonly string[]) {
  const at = given.indexOf("--minutes");
  const minutes = at < 0 ? 1 : Number(given[at + 1]);
  if (!(minutes > 0)) throw new Error("--minutes: expected a number above 0");
  return { minutes, positionals: given.filter((_, index) => at < 0 || (index !== at && index !== at + 1)) };
}
