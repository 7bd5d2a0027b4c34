import { describe, expect, test } from "bun:test";
import { makeRandom, replayable } from "../seed.ts";
import { Finding, Fuzzer, readCorpus } from "./fuzz.ts";
import { targets } from "./targets.ts";

/** Mutations in each run of the tests. `npm run fuzz` does more. */
const mutations = 100;

describe("no input breaks", () => {
  test.each(targets.map((it) => [it.name, it] as const))(
    "the target %s: the stored ones, and some new ones",
    (name, { make }) =>
      replayable(async () => {
        const target = await make();
        const stored = readCorpus(name);
        const fuzzer = new Fuzzer(target, makeRandom());
        await fuzzer.replay(stored);
        // The stored inputs have answers of different kinds. Otherwise a target that ignores its input would pass.
        expect(fuzzer.kinds).toBeGreaterThan(3);
        const last = fuzzer.runs + mutations;
        await fuzzer.run(() => fuzzer.runs >= last);
        await target.close?.();
      }),
  );

  test("control: a target with a fault is found", () =>
    replayable(async () => {
      const run = (input: string) => {
        if (input.includes("__proto__")) throw new Error("broken");
        return String(input.length % 5);
      };
      const fuzzer = new Fuzzer({ name: "faulty", seeds: ["a"], words: [], run }, makeRandom());
      await fuzzer.replay([]);
      await expect(fuzzer.run(() => fuzzer.runs > 20_000)).rejects.toBeInstanceOf(Finding);
    }));
});
