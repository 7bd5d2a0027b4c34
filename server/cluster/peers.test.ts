import { expect, test } from "bun:test";
import { turn } from "../../tests/waiting.ts";
import { MovedClock } from "../lib/moved-clock.ts";
import type { MemberState } from "./cluster.ts";
import { MemoryCluster } from "./memory/cluster.ts";
import { Peers } from "./peers.ts";
import { mostNamedUsers, type RosterChange } from "./roster.ts";
import { Switchboard } from "./switchboard.ts";

function world() {
  const clock = new MovedClock();
  const switchboard = new Switchboard(clock);
  const changes: RosterChange[] = [];
  const make = async (name: string, handlers: Record<string, (body: never) => unknown> = {}, isDraining = false) => {
    const state: MemberState = { name, pid: 1, isDraining };
    const peers = new Peers(new MemoryCluster(switchboard, state, clock), clock);
    peers.on("remoteChange", (it) => changes.push(it));
    for (const [topic, handler] of Object.entries(handlers)) peers.handle(topic, handler);
    await peers.start();
    await settle();
    return peers;
  };
  const settle = () => clock.moveInSteps(40, 10);
  return { make, settle, clock, changes };
}

test("a connection counted by one worker is online for all of them shortly after", async () => {
  const { make, settle } = world();
  const a = await make("a");
  const b = await make("b");
  a.roster.count("alice", 1, true);
  a.roster.count(undefined, 1, true);
  expect(a.roster.online).toBe(2);
  await settle();
  expect(b.roster.online).toBe(2);
  expect([b.roster.isConnected("alice"), b.roster.isConnected("bob")]).toEqual([true, false]);
});

test("a user is connected until the last of their connections closes, on any worker", async () => {
  const { make, settle } = world();
  const a = await make("a");
  const b = await make("b");
  a.roster.count("alice", 1, true);
  b.roster.count("alice", 1, true);
  await settle();
  a.roster.count("alice", -1, true);
  await settle();
  expect([a.roster.isConnected("alice"), b.roster.isConnected("alice")]).toEqual([true, true]);
  b.roster.count("alice", -1, true);
  await settle();
  expect([a.roster.isConnected("alice"), b.roster.isConnected("alice")]).toEqual([false, false]);
});

test("a new worker receives a snapshot, and counts later changes once", async () => {
  const { make, settle } = world();
  const a = await make("a");
  a.roster.count("alice", 1, true);
  const joining = make("b");
  a.roster.count("bob", 1, true);
  const b = await joining;
  await settle();
  expect(b.roster.snapshot()).toEqual({ connections: 0, users: [] });
  expect(b.roster.online).toBe(2);
  a.roster.count("bob", -1, true);
  await settle();
  expect([b.roster.online, b.roster.isConnected("bob")]).toEqual([1, false]);
});

test("a user who connects and leaves between two reports leaves no trace", async () => {
  const { make, settle, changes } = world();
  const a = await make("a");
  const b = await make("b");
  a.roster.count("alice", 1, true);
  a.roster.count("alice", -1, true);
  await settle();
  expect([b.roster.online, b.roster.isConnected("alice")]).toEqual([0, false]);
  expect(changes).toEqual([{ connections: 0, users: [], hasJoined: true, hasLeft: true }]);
});

test("the connections of a worker that died are no longer counted", async () => {
  const { make, settle } = world();
  const a = await make("a");
  const b = await make("b");
  a.roster.count("alice", 1, true);
  await settle();
  await a.close();
  await settle();
  expect([b.roster.online, b.roster.isConnected("alice")]).toEqual([0, false]);
});

test("a request is answered by all other workers, if there are any", async () => {
  const { make } = world();
  const double = { double: (n: number) => n * 2 };
  const a = await make("a", double);
  expect(await a.ask("double", 4)).toEqual([]);
  await make("b", double);
  await make("c", { double: async (n: number) => n * 3 });
  const answers = await a.ask("double", 4);
  expect(answers.map(({ member, body }) => [member.state.name, body])).toEqual([
    ["b", 8],
    ["c", 12],
  ]);
});

test("a worker that fails, does not answer or dies is left out of the answers", async () => {
  const { make, settle, clock } = world();
  const a = await make("a");
  await make("b", { q: () => "b" });
  await make("c", { q: () => Promise.reject(new Error("a fault")) });
  await make("d", { q: () => new Promise(() => undefined) });
  const e = await make("e", { q: () => new Promise(() => undefined) });
  const asking = a.ask("q", null);
  await settle();
  await e.close();
  await settle();
  clock.move(2000);
  expect((await asking).map(({ body }) => body)).toEqual(["b"]);
});

test("everything is settled once each other worker has reported its changes, including those that it would report later", async () => {
  const { make, settle, changes } = world();
  const a = await make("a");
  expect(a.settled()).toBeUndefined();
  const b = await make("b");
  b.roster.count("alice", 1, "pause");
  await turn(); // sent at once; the next one waits for others
  b.roster.count("alice", -1, "pause");
  await a.settled();
  expect(changes.map(({ paused = 0, resumed = 0 }) => [resumed, paused])).toEqual([
    [1, 0],
    [0, 1],
  ]);
  await settle();
  expect(changes).toHaveLength(2);
});

test("nothing is settled as long as a worker does not answer and is not gone", async () => {
  const { make, clock } = world();
  const a = await make("a");
  const b = await make("b");
  const { promise, resolve } = Promise.withResolvers<void>();
  b.handle("settled", () => promise); // it never answers
  let isSettled = false;
  void a.settled()?.then(() => {
    isSettled = true;
  });
  await clock.moveInSteps(5000, 250);
  expect(isSettled).toBe(false);
  await b.close();
  await clock.moveInSteps(250, 50);
  expect(isSettled).toBe(true);
  resolve();
});

test("clients of a worker that drains may be on their way here until three seconds after it has left", async () => {
  const { make, settle, clock } = world();
  const a = await make("a");
  const b = await make("b", {}, true);
  await settle();
  expect([a, b].map(({ isDraining, isAnyDraining }) => [isDraining, isAnyDraining])).toEqual([
    [false, true],
    [true, false],
  ]);
  await b.close();
  await clock.moveInSteps(2900, 100);
  expect(a.isAnyDraining).toBe(true);
  await clock.moveInSteps(200, 100);
  expect(a.isAnyDraining).toBe(false);
});

test("the connections of a worker with too many users to list are counted, and its user list is dropped", async () => {
  const { make, settle } = world();
  const [a, b] = [await make("a"), await make("b")];
  a.roster.count("first", 1, true);
  await settle();
  expect(b.roster.isConnected("first")).toBe(true);
  for (let n = 0; n < mostNamedUsers; n++) a.roster.count(`u${n}`, 1, false);
  await settle();
  expect(b.roster.online).toBe(mostNamedUsers + 1);
  expect([b.roster.isConnected("first"), b.roster.isConnected("u1"), a.roster.hasOwn("first")]).toEqual([
    false,
    false,
    true,
  ]);
});
