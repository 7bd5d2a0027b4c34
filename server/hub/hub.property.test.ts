import { describe, expect, test } from "bun:test";
import { levelAtHead } from "../../tests/delivery/level-at-head.ts";
import { type Run, runs } from "../../tests/delivery/steps.ts";
import { DeliveryWorld } from "../../tests/delivery/world.ts";
import { fc } from "../../tests/property.ts";
import type { Broker } from "../broker/broker.ts";

/** FANFARE_LONG is set where there is time for more. */
const numRuns = process.env.FANFARE_LONG === undefined ? 2000 : 100_000;
const limitMs = 600_000;

/** A run that fails is printed with the command that replays it. */
async function holdsFor(some: fc.Arbitrary<Run>, expected: object): Promise<void> {
  const property = fc.asyncProperty(some, async (run) => {
    expect(await DeliveryWorld.play(run)).toMatchObject(expected);
  });
  await fc.assert(property, { numRuns });
}

/** How many of some runs the checker finds a fault in. */
async function faultsIn(some: fc.Arbitrary<Run>, wrap?: (broker: Broker) => Broker): Promise<number> {
  let faults = 0;
  for (const run of fc.sample(some, { numRuns: 300, seed: 7 })) {
    if ((await DeliveryWorld.play(run, wrap)).fault !== undefined) faults++;
  }
  return faults;
}

describe("each client sees each publication once and in order, or a gap in its place", () => {
  test(
    "and no gap at all where history is long enough",
    () => holdsFor(runs("steady", "long"), { fault: undefined, gaps: 0 }),
    limitMs,
  );

  test(
    "and a gap exactly where history is too short",
    () => holdsFor(runs("steady", "short"), { fault: undefined }),
    limitMs,
  );

  test(
    "over a broker that loses, doubles, delays, fails and forgets",
    () => holdsFor(fc.oneof(runs("unsteady", "short"), runs("unsteady", "long")), { fault: undefined }),
    limitMs,
  );

  test("and the runs are about something: clients fall behind, resume and meet gaps", async () => {
    let [gaps, resumed, pumped] = [0, 0, 0];
    for (const run of fc.sample(runs("steady", "short"), { numRuns: 200, seed: 7 })) {
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

describe("the checker finds a fault", () => {
  const steady = runs("steady", "long");

  test("where there is none, none", async () => {
    expect(await faultsIn(steady)).toBe(0);
  });

  test("when sessions become level at head, before it is flushed", async () => {
    using _ = levelAtHead();
    expect(await faultsIn(steady)).toBeGreaterThan(100);
  });

  test("when the broker forgets which events it has", async () => {
    const forgetful = (broker: Broker): Broker => {
      const publish = broker.publish.bind(broker);
      broker.publish = ({ id: _, ...draft }, rules) => publish(draft, rules);
      return broker;
    };
    expect(await faultsIn(steady, forgetful)).toBeGreaterThan(5);
  });
});
