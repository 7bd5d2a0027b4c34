import { expect, test } from "bun:test";
import type { MemberState } from "../cluster/cluster.ts";
import { MemoryCluster } from "../cluster/memory/cluster.ts";
import { Peers } from "../cluster/peers.ts";
import { Switchboard } from "../cluster/switchboard.ts";
import { MovedClock } from "../lib/moved-clock.ts";
import { Feed } from "./feed.ts";
import { type TailBatch, Tails } from "./tails.ts";

function world() {
  const clock = new MovedClock();
  const switchboard = new Switchboard(clock);
  const make = async (name: string) => {
    const state: MemberState = { name, pid: 1, isDraining: false };
    const peers = new Peers(new MemoryCluster(switchboard, state, clock), clock);
    const feed = new Feed(clock);
    const tails = new Tails(feed, peers, clock);
    await peers.start();
    await settle();
    return { peers, feed, tails };
  };
  const settle = (ms = 400) => clock.moveInSteps(ms, 50);
  return { make, settle, clock };
}

const seen = (batches: readonly TailBatch[]) =>
  batches.flatMap(({ worker, events }) => events.map(({ channel }) => `${worker} ${channel}`)).toSorted();

test("a tail shows the events of all workers, filtered", async () => {
  const { make, settle } = world();
  const [a, b] = [await make("a"), await make("b")];
  const batches: TailBatch[] = [];
  a.tails.open(
    { channel: "room:*" },
    (batch) => batches.push(batch),
    () => undefined,
  );
  await settle();
  for (const { feed } of [a, b]) {
    feed.report({ kind: "published", channel: "room:1" });
    feed.report({ kind: "published", channel: "other" });
  }
  await settle();
  expect(seen(batches)).toEqual(["a room:1", "b room:1"]);
});

test("a worker that starts later is part of the tail after a few seconds", async () => {
  const { make, settle } = world();
  const a = await make("a");
  const batches: TailBatch[] = [];
  a.tails.open(
    {},
    (batch) => batches.push(batch),
    () => undefined,
  );
  const b = await make("b");
  await settle(4000);
  b.feed.report({ kind: "published", channel: "room:1" });
  await settle();
  expect(seen(batches)).toEqual(["b room:1"]);
});

test("nothing is collected anywhere once the tail has ended", async () => {
  const { make, settle } = world();
  const [a, b] = [await make("a"), await make("b")];
  const end = a.tails.open(
    {},
    () => undefined,
    () => undefined,
  );
  await settle();
  expect([a.feed.isWatched, b.feed.isWatched]).toEqual([true, true]);
  end();
  end();
  await settle();
  expect([a.feed.isWatched, b.feed.isWatched]).toEqual([false, false]);
  await settle(10_000);
  expect([a.feed.isWatched, b.feed.isWatched]).toEqual([false, false]);
});

test("a tail shows all that happens in other workers, however long it lasts", async () => {
  const { make, settle } = world();
  const [a, b] = [await make("a"), await make("b")];
  const batches: TailBatch[] = [];
  a.tails.open(
    {},
    (batch) => batches.push(batch),
    () => undefined,
  );
  await settle();
  for (let second = 0; second < 40; second++) {
    b.feed.report({ kind: "published", channel: "room:1" });
    await settle(1000);
  }
  expect(seen(batches)).toHaveLength(40);
});

test("a worker stops feeding a tail whose worker has crashed", async () => {
  const { make, settle } = world();
  const [a, b] = [await make("a"), await make("b")];
  a.tails.open(
    {},
    () => undefined,
    () => undefined,
  );
  await settle();
  await a.peers.close();
  await settle(25_000);
  expect(b.feed.isWatched).toBe(false);
});

test("a worker serves 16 tails, refuses one more, and has room again when one ends", async () => {
  const { make } = world();
  const { tails } = await make("a");
  const open = () =>
    tails.open(
      {},
      () => undefined,
      () => undefined,
    );
  const ends = Array.from({ length: 16 }, open);
  expect(open).toThrow("already serves 16 tails");
  ends[0]?.();
  expect(open).not.toThrow();
});

test("a server that stops ends its tails, and says so", async () => {
  const { make } = world();
  const { tails, feed } = await make("a");
  let ended = 0;
  tails.open(
    {},
    () => undefined,
    () => ended++,
  );
  tails.close();
  tails.close();
  expect([ended, feed.isWatched]).toEqual([1, false]);
});
