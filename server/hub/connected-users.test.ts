import { describe, expect, test } from "bun:test";
import { MemoryCluster } from "../cluster/memory/cluster.ts";
import { Peers } from "../cluster/peers.ts";
import { Switchboard } from "../cluster/switchboard.ts";
import { MovedClock } from "../lib/moved-clock.ts";
import { Occupancy } from "./occupancy.ts";

const nothing = { get: () => undefined };

/** Two workers, and the number of lookups that the second one answered. */
async function twoWorkers() {
  const clock = new MovedClock();
  const switchboard = new Switchboard(clock);
  const make = (name: string) => {
    const state = { name, pid: 1, isDraining: false };
    return new Peers(new MemoryCluster(switchboard, state, clock), clock);
  };
  const [here, there] = [make("here"), make("there")];
  const occupancy = new Occupancy(nothing, here);
  let asked = 0;
  there.handle("connected", (users: readonly string[]) => {
    asked++;
    return users.filter((it) => it === "elsewhere");
  });
  await here.start();
  await there.start();
  await clock.moveInSteps(100, 10);
  return { occupancy, here, asked: () => asked };
}

describe("the lookup of connected users after a publish", () => {
  test("is skipped for a message that no worker listened for", async () => {
    const { occupancy, asked } = await twoWorkers();
    const sent = Array.from({ length: 100 }, (_, n) => ({ userId: `u${n}`, listeners: 0 }));
    expect(await occupancy.connected(sent)).toEqual(new Set());
    expect(asked()).toBe(0);
  });

  test("runs once for a message with listeners, unless this worker knows the user", async () => {
    const { occupancy, here, asked } = await twoWorkers();
    here.roster.count("local", 1, false);
    expect(await occupancy.connected([{ userId: "local", listeners: 1 }])).toEqual(new Set(["local"]));
    expect(asked()).toBe(0);
    const sent = ["elsewhere", "gone", "elsewhere"].map((userId) => ({ userId, listeners: 1 }));
    expect(await occupancy.connected(sent)).toEqual(new Set(["elsewhere"]));
    expect(asked()).toBe(1);
  });

  test("runs for a duplicate, whose listeners are unknown", async () => {
    const { occupancy, asked } = await twoWorkers();
    expect(await occupancy.connected([{ userId: "elsewhere", listeners: undefined }])).toEqual(new Set(["elsewhere"]));
    expect(asked()).toBe(1);
  });
});
