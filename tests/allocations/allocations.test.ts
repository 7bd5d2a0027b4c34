import { expect, test } from "bun:test";
import { allocatedBytesPerPublication } from "./allocated-bytes.ts";

/**
 * What a publication in memory allocated when this was last measured, from `broker.publish` to the write: measured in bytes and
 * not in time, so that it is the same on a busy machine. If it grew for a good reason, put the new figure here.
 */
const usualBytes = { withoutReader: 980, withOneReader: 1180 };
/** How much more is a regression. */
const tolerance = 1.15;
const publications = 40_000;

test("a publication allocates no more than it used to", async () => {
  const withoutReader = await allocatedBytesPerPublication(publications, 0);
  const withOneReader = await allocatedBytesPerPublication(publications, 1);
  console.log(`bytes per publication: ${withoutReader.toFixed(0)}, with one reader ${withOneReader.toFixed(0)}`);
  expect(withoutReader).toBeLessThan(tolerance * usualBytes.withoutReader);
  expect(withOneReader).toBeLessThan(tolerance * usualBytes.withOneReader);
});

test("a delivery allocates nothing: what a publication allocates does not depend on the number of readers", async () => {
  const one = await allocatedBytesPerPublication(publications, 1);
  const twenty = await allocatedBytesPerPublication(publications, 20);
  expect((twenty - one) / 19).toBeLessThan((tolerance - 1) * 16);
});
