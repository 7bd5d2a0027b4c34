import { describe, expect, test } from "bun:test";
import { until } from "../waiting.ts";
import { type Flood, floods } from "./floods.ts";
import { type Health, useNormally } from "./healthy-users.ts";
import { startServer } from "./server.ts";

/** Floods until the limit is met, then lets healthy users use the server while the flood continues. */
async function healthDuring({ env, step, met }: Flood, rounds: number): Promise<Health> {
  await using server = await startServer({ env });
  let isOver = false;
  let hasMet = false;
  let at = 0;
  const flood = async () => {
    while (!isOver || !hasMet) hasMet = (await step(server, at++)).includes(met) || hasMet;
  };
  const flooding = flood();
  await until(() => hasMet, "the flood has met its limit");
  const health = await useNormally(server, rounds);
  isOver = true;
  await flooding;
  return health;
}

describe("other users and the backend do not notice a flood of one user's", () => {
  test.each(floods.map((flood) => [flood.name, flood] as const))("%s", async (_, flood) => {
    const { failures, delays } = await healthDuring(flood, 30);
    expect([failures, delays.length]).toEqual([[], 30]);
  });
});

test("control: without a share of its own, a user takes the ids of all others, and they notice", async () => {
  const flood = floods.find(({ name }) => name === "ids");
  if (flood === undefined) throw new Error("the flood of ids is missing");
  // The remaining space is too small for the long ids of the flood, but may be enough for one short id.
  const { failures } = await healthDuring({ ...flood, env: { ...flood.env, CLIENT_SHARE: "100" } }, 2);
  expect(failures).not.toEqual([]);
});
