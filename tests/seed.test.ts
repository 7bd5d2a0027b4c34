import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { fc } from "./property.ts";
import { makeRandom, readSeed, replayable, replayCommand, seed } from "./seed.ts";

const command = `FANFARE_SEED=${seed} npm test -- tests/seed.test.ts`;

/** The first random numbers that the property tests and the random tests draw in another process. */
function drawnWith(itsSeed: string): string {
  const code = `
    const { fc } = await import(${JSON.stringify(join(import.meta.dir, "property.ts"))});
    const { makeRandom } = await import(${JSON.stringify(join(import.meta.dir, "seed.ts"))});
    const random = makeRandom(1);
    const drawn = [];
    fc.assert(fc.property(fc.integer(), (it) => void drawn.push(it)), { numRuns: 5 });
    console.log(JSON.stringify([drawn, random(), random()]));`;
  const { stdout } = Bun.spawnSync([process.execPath, "-e", code], { env: { FANFARE_SEED: itsSeed } });
  return stdout.toString();
}

describe("FANFARE_SEED", () => {
  test("replays property tests and random tests", () => {
    const first = drawnWith("17");
    expect(first).toMatch(/^\[\[(-?\d+,?){5}\],/);
    expect(drawnWith("17")).toBe(first);
    expect(drawnWith("18")).not.toBe(first);
  });

  test.each(["eleven", "-1", "1.5", "2147483648", "1e3"])("rejects %s", (text) => {
    expect(() => readSeed(text)).toThrow(`FANFARE_SEED: expected a whole number from 0 to 2147483647, got "${text}"`);
  });

  test("is accepted up to its limit, and may be omitted", () => {
    expect([readSeed("2147483647"), readSeed("0"), readSeed(""), readSeed(undefined)]).toEqual([
      2147483647,
      0,
      undefined,
      undefined,
    ]);
  });
});

describe("a failure says how to replay it", () => {
  test("in a property test", () => {
    expect(() => fc.assert(fc.property(fc.integer(), (it) => it > Number.POSITIVE_INFINITY))).toThrow(command);
  });

  test("in an asynchronous property test", async () => {
    const property = fc.asyncProperty(fc.integer(), async (it) => it > Number.POSITIVE_INFINITY);
    await expect(fc.assert(property)).rejects.toThrow(command);
  });

  test("in a random test, next to the failure", async () => {
    const failing = replayable(() => {
      throw new Error("lost 3 messages");
    });
    await expect(failing).rejects.toThrow(`lost 3 messages\nReplay: ${command}`);
  });
});

test("two streams of one seed differ, and the same stream repeats", () => {
  const draw = (stream: number) => {
    const random = makeRandom(stream);
    return [random(), random(), random()];
  };
  expect(draw(1)).toEqual(draw(1));
  expect(draw(1)).not.toEqual(draw(2));
  expect(replayCommand()).toBe(command);
});
