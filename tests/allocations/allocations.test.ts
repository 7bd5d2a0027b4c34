import { expect, test } from "bun:test";
import { bytesPerPublication } from "./counted-process.ts";
import { bytesPerPush } from "./counted-pushes.ts";

/**
 * The bytes that one publication allocated when this was last measured. Unlike times, they are the same on a busy
 * machine. If it grew for a good reason, put the new figure here; `npm test -- tests/allocations` prints it.
 */
const usualBytes = {
  /** In memory, from `broker.publish` to the write. */
  withoutReader: 530,
  withOneReader: 720,
  /** From a worker to the host, and from there to this worker and another one. */
  hop: 2150,
  /** In a real server, from the request to the response, and to the socket of the user. */
  push: 3400,
  /** One of a hundred in a request. */
  batchItem: 1160,
};
/** 15 % more is a regression. A little less than that is counted, see `allocatedBytes`. */
const tolerance = 1.12;
const publications = 40_000;
/** Bytes. */
const smallestObject = 16;

test("a publication allocates no more than it used to", async () => {
  const bytes = {
    withoutReader: await bytesPerPublication("publishing-process.ts", publications, 0),
    withOneReader: await bytesPerPublication("publishing-process.ts", publications, 1),
  };
  expectAtMostUsual(bytes);
});

test("a delivery allocates nothing: what a publication allocates does not depend on the number of readers", async () => {
  const one = await bytesPerPublication("publishing-process.ts", publications, 1);
  const twenty = await bytesPerPublication("publishing-process.ts", publications, 20);
  expect((twenty - one) / 19).toBeLessThan(smallestObject / 2);
});

test("a publication allocates no more than it used to on its way between processes", async () => {
  expectAtMostUsual({ hop: await bytesPerPublication("hop-process.ts", 10_000) });
});

test("a push allocates no more than it used to, from the request to the response", async () => {
  expectAtMostUsual({ push: await bytesPerPush({ requests: 6000, batch: 1 }) });
});

test("an item of a batch allocates no more than it used to, from the request to the response", async () => {
  expectAtMostUsual({ batchItem: await bytesPerPush({ requests: 160, batch: 100 }) });
});

function expectAtMostUsual(measured: Partial<typeof usualBytes>): void {
  for (const name of Object.keys(measured) as (keyof typeof usualBytes)[]) {
    const [bytes = 0, usual] = [measured[name], usualBytes[name]];
    console.log(`allocated bytes, ${name}: ${bytes.toFixed(0)}`);
    expect(bytes).toBeLessThan(tolerance * usual);
  }
}
