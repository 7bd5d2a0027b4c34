import { describe, expect, test } from "bun:test";
import { turn } from "../../tests/waiting.ts";
import type { MemberState } from "../cluster/cluster.ts";
import { MemoryCluster } from "../cluster/memory/cluster.ts";
import { Peers } from "../cluster/peers.ts";
import { Switchboard } from "../cluster/switchboard.ts";
import { MovedClock } from "../lib/moved-clock.ts";
import { type Progress, Reservations } from "./reservations.ts";

/** Worker a has the connection "old". It is reserved for the connection "new" of worker b. */
async function begin() {
  const meeting = new MovedClock();
  const switchboard = new Switchboard(meeting, 6000);
  const make = async (name: string) => {
    const clock = new MovedClock();
    const state: MemberState = { name, pid: 1, isDraining: false };
    const peers = new Peers(new MemoryCluster(switchboard, state, clock), clock);
    await peers.start();
    return { clock, peers };
  };
  const [a, b] = [await make("a"), await make("b")];
  let progress: Progress = "catching up";
  b.peers.handle("still-continues", () => progress);
  const events: string[] = [];
  const reservations = new Reservations(a.peers, a.clock, {
    onCaughtUp: (old, by) => events.push(`${by} continues ${old}`),
    onFreed: (_, by) => events.push(`${by} has failed`),
  });
  await turn();
  reservations.add("old", "new", a.peers.others()[0]?.id);
  /** Worker b is silent until it is lost. */
  const loseB = async () => {
    while (a.peers.others().length > 0) {
      meeting.move(1000);
      a.clock.move(1000);
      await turn();
    }
  };
  const wakeB = async () => {
    b.clock.move(2000);
    await turn();
  };
  const waitAtA = async () => {
    a.clock.move(2000);
    await turn();
  };
  const becomes = (it: Progress) => {
    progress = it;
  };
  return { reservations, events, loseB, wakeB, waitAtA, becomes };
}

test("a connection is reserved for one other connection at a time", async () => {
  const { reservations } = await begin();
  expect(reservations.add("old", "third", undefined)).toBe(false);
  expect(reservations.has("old", "new")).toBe(true);
});

test("a worker that was cut off and returns keeps the connections that it has taken over", async () => {
  const { reservations, events, loseB, wakeB, waitAtA } = await begin();
  await loseB();
  await wakeB();
  await waitAtA();
  expect(events).toEqual([]);
  expect(reservations.has("old", "new")).toBe(true);
  expect(reservations.add("old", "third", undefined)).toBe(false);
});

test("if the new connection caught up while its worker was cut off, the older one is continued", async () => {
  const { events, loseB, wakeB, waitAtA, becomes } = await begin();
  await loseB();
  becomes("caught up");
  await wakeB();
  await waitAtA();
  expect(events).toEqual(["new continues old"]);
});

test.each(["gone", "dead"])("a connection is free again if the worker of the new one is %s", async (state) => {
  const { reservations, events, loseB, wakeB, waitAtA, becomes } = await begin();
  await loseB();
  expect(events).toEqual([]);
  becomes("gone");
  if (state === "gone") await wakeB();
  await waitAtA();
  expect(events).toEqual(["new has failed"]);
  expect(reservations.has("old", "new")).toBe(false);
});

test("a client that returns while a worker is unreachable gives up its lost connection", async () => {
  const { reservations, events, loseB } = await begin();
  await loseB();
  expect(reservations.add("old", "third", undefined)).toBe(true);
  expect(events).toEqual(["new has failed"]);
  expect(reservations.has("old", "third")).toBe(true);
});

describe("a connection whose successor's worker was lost", () => {
  type Answers = Awaited<ReturnType<Peers["askForAll"]>>;

  /** The worker of the connection "old", with other workers that are said to be there. */
  async function afterLoss() {
    const clock = new MovedClock();
    const freed: string[] = [];
    const lost: ((member: number) => void)[] = [];
    const others = { now: [2], isCutOff: false, asked: 0, whileAsked: () => {} };
    const on = (_: string, run: unknown) => void lost.push(run as (member: number) => void);
    const peers = {
      on,
      others: () => others.now.map((id) => ({ id })),
      get isCutOff() {
        return others.isCutOff;
      },
      askForAll: async (): Promise<Answers> => {
        others.asked++;
        others.whileAsked();
        return { answers: [], isComplete: true };
      },
    } as unknown as Peers;
    const reservations = new Reservations(peers, clock, { onCaughtUp: () => {}, onFreed: (old) => freed.push(old) });
    reservations.add("old", "new", 1 as never);
    const wait = async () => {
      clock.move(2000);
      await turn();
    };
    return { others, freed, wait, lose: () => lost[0]?.(1) };
  }

  test("keeps its reservation while this worker is cut off itself, and so cannot ask anybody", async () => {
    const { others, freed, wait, lose } = await afterLoss();
    others.isCutOff = true;
    lose();
    await wait();
    expect([others.asked, freed]).toEqual([0, []]);
    others.isCutOff = false;
    await wait();
    expect([others.asked, freed]).toEqual([1, ["old"]]);
  });

  test("keeps it if another worker joined while the others were asked: it may have the successor", async () => {
    const { others, freed, wait, lose } = await afterLoss();
    others.whileAsked = () => {
      others.now = [2, 3];
    };
    lose();
    await wait();
    expect(freed).toEqual([]);
    await wait();
    expect(freed).toEqual(["old"]);
  });
});
