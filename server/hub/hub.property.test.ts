import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { levelAtHead } from "../../tests/delivery/level-at-head.ts";
import { type Run, runs } from "../../tests/delivery/steps.ts";
import { DeliveryWorld } from "../../tests/delivery/world.ts";
import { fc } from "../../tests/property.ts";
import type { Broker } from "../broker/broker.ts";

setDefaultTimeout(60_000); // hundreds of runs, on a busy machine

/** FANFARE_LONG is set when there is time for more runs. On a busy machine there are fewer, which is not a failure. */
const [numRuns, interruptAfterTimeLimit] = process.env.FANFARE_LONG === undefined ? [1000, 60_000] : [100_000, 300_000];
const limitMs = 600_000;

/** A failed run is printed with the command that repeats it. */
async function holdsFor(some: fc.Arbitrary<Run>, expected: object): Promise<void> {
  const property = fc.asyncProperty(some, async (run) => {
    expect(await DeliveryWorld.play(run)).toMatchObject(expected);
  });
  await fc.assert(property, { numRuns, interruptAfterTimeLimit });
}

/** The number of these runs in which the checker finds a fault. */
async function faultsIn(some: fc.Arbitrary<Run>, wrap?: (broker: Broker) => Broker): Promise<number> {
  let faults = 0;
  for (const run of fc.sample(some, { numRuns: 300, seed: 7 })) {
    if ((await DeliveryWorld.play(run, wrap)).fault !== undefined) faults++;
  }
  return faults;
}

describe("each client receives each publication once and in order, or a gap in its place", () => {
  test(
    "with a long history there are no gaps",
    () => holdsFor(runs("reliable", "long"), { fault: undefined, gaps: 0 }),
    limitMs,
  );

  test(
    "with a short history there are gaps exactly where it is too short",
    () => holdsFor(runs("reliable", "short"), { fault: undefined }),
    limitMs,
  );

  test(
    "with a broker that loses, repeats, delays, fails and is cleared",
    () => holdsFor(fc.oneof(runs("unreliable", "short"), runs("unreliable", "long")), { fault: undefined }),
    limitMs,
  );

  test("the runs cover the cases: clients fall behind, resume and receive gaps", async () => {
    let [gaps, resumed, pumped] = [0, 0, 0];
    for (const run of fc.sample(runs("reliable", "short"), { numRuns: 200, seed: 7 })) {
      const outcome = await DeliveryWorld.play(run);
      gaps += outcome.gaps;
      resumed += outcome.resumed;
      pumped += outcome.pumped;
    }
    expect({ gaps: gaps > 20, resumed: resumed > 500, pumped: pumped > 200 }).toEqual({
      gaps: true,
      resumed: true,
      pumped: true,
    });
  });
});

describe("the checker", () => {
  const generated = runs("reliable", "long");

  test("finds no fault in correct runs", async () => {
    expect(await faultsIn(generated)).toBe(0);
  });

  test("finds the fault if sessions become level at head, before the flush", async () => {
    using _ = levelAtHead();
    expect(await faultsIn(generated)).toBeGreaterThan(100);
  });

  test("finds the fault if the broker forgets which event IDs it has", async () => {
    const forgetful = (broker: Broker): Broker => {
      const publish = broker.publish.bind(broker);
      broker.publish = ({ id: _, ...draft }, rules) => publish(draft, rules);
      return broker;
    };
    expect(await faultsIn(generated, forgetful)).toBeGreaterThan(5);
  });
});
