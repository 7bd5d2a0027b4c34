import { afterEach, describe, expect, test } from "bun:test";
import { nameOf, type TestClient, TestHub } from "../../tests/fakes/hub.ts";
import type { MemberState } from "../cluster/cluster.ts";
import { MemoryCluster } from "../cluster/memory/cluster.ts";
import { Peers } from "../cluster/peers.ts";
import { Switchboard } from "../cluster/switchboard.ts";
import { MovedClock } from "../lib/moved-clock.ts";
import { keyOf } from "../presence/page-key.ts";
import { Occupancy } from "./occupancy.ts";
import type { ReadPage } from "./presence-answer.ts";

const hubs: TestHub[] = [];
afterEach(async () => {
  for (const it of hubs.splice(0)) await it.close();
});

/** Two workers of one server: a hub with an occupancy each, on one clock. */
async function twoWorkers() {
  const clock = new MovedClock();
  const switchboard = new Switchboard(clock);
  const make = async (name: string) => {
    const state: MemberState = { name, pid: 1, isDraining: false };
    // The hub counts only its own connections. The occupancy under test asks the other worker.
    const it = await TestHub.start({ clock });
    hubs.push(it);
    const peers = new Peers(new MemoryCluster(switchboard, state, clock), clock);
    await peers.start();
    return { it, peers, occupancy: new Occupancy(it.hub.delivery.interest, peers) };
  };
  const [here, there] = [await make("here"), await make("there")];
  /** Moves the clock while the other worker's answer is awaited. */
  const asked = async <Answer>(answer: Promise<Answer>): Promise<Answer> => {
    await clock.moveInSteps(100, 10);
    return answer;
  };
  return { here, there, clock, asked };
}

const room = nameOf("room");
const firstPage = { after: "", limit: 10 };
const usersOf = ({ presences }: ReadPage) => presences.map(({ userId }) => userId);
const empty = nameOf("empty");

describe("the occupancy of a channel", () => {
  test("is counted over all workers, in the order of the requested channels", async () => {
    const { here, there, asked } = await twoWorkers();
    await here.it.connect({ channels: [room] });
    await there.it.connect({ channels: [room] });
    await there.it.connect({ channels: [room, nameOf("other")] });
    expect(await asked(here.occupancy.counts([empty, room, nameOf("other")]))).toEqual([0, 3, 1]);
  });

  test("includes clients that do not read, and ones that fell behind", async () => {
    const { here, asked } = await twoWorkers();
    const stalled: TestClient = await here.it.connect({ userId: "slow", channels: [room] });
    await here.it.connect({ userId: "quick", channels: [room] });
    stalled.connection.stall();
    for (let count = 0; count < 5; count++) {
      await here.it.publish("room", "x".repeat(60_000));
      await here.it.settle();
    }
    expect(stalled.session.isBlocked).toBe(true);
    expect(await asked(here.occupancy.counts([room]))).toEqual([2]);
    expect(usersOf(await asked(here.occupancy.read(room, firstPage)))).toEqual(["quick", "slow"]);
  });

  test("lists the connections sorted by user, whichever workers they are connected to", async () => {
    const { here, there, asked } = await twoWorkers();
    for (const userId of ["carol", "alice"]) await here.it.connect({ userId, channels: [room] });
    for (const userId of ["alice", "bob", undefined]) await there.it.connect({ userId, channels: [room] });
    const all = await asked(here.occupancy.read(room, firstPage));
    expect(usersOf(all)).toEqual([undefined, "alice", "alice", "bob", "carol"]);
    expect(all).toMatchObject({ count: 5, hasMore: false });
    expect(await asked(here.occupancy.read(room, { after: "", limit: 5 }))).toEqual(all); // no empty page follows
    const page = await asked(here.occupancy.read(room, { after: "", limit: 2 }));
    expect(page).toEqual({ count: 5, presences: all.presences.slice(0, 2), hasMore: true });
    const next = await asked(
      here.occupancy.read(room, { after: keyOf(all.presences[1] ?? { userId: undefined, id: "" }), limit: 5 }),
    );
    expect(next.presences).toEqual(all.presences.slice(2));
  });

  test("is not answered in part if a worker does not answer", async () => {
    const { here, there, clock } = await twoWorkers();
    await there.it.connect({ channels: [room] });
    await clock.moveInSteps(100, 10);
    there.peers.handle("channel-members", () => new Promise(() => undefined));
    const asked = here.occupancy.read(room, firstPage);
    asked.catch(() => undefined); // checked below
    await clock.moveInSteps(3000, 100);
    await expect(asked).rejects.toMatchObject({ code: "broker-unavailable" });
  });

  test("cannot be told while the other workers cannot be reached", async () => {
    const peers = new Peers(MemoryCluster.alone(new MovedClock()), new MovedClock());
    const cutOff = new Occupancy({ get: () => undefined }, peers);
    await expect(cutOff.counts([room])).rejects.toMatchObject({ code: "broker-unavailable" });
  });
});
