import { expect, test } from "bun:test";
import { turn } from "../../tests/waiting.ts";
import { MovedClock } from "../lib/moved-clock.ts";
import { Moves } from "./moves.ts";

/** @param others how long the other workers take to report what they did, milliseconds; undefined if there are none */
function begin(others?: number) {
  const clock = new MovedClock();
  const told: string[] = [];
  const moves = new Moves({
    clock,
    settled: () => (others === undefined ? undefined : clock.sleep(others)),
    onGone: () => told.push("gone"),
    onNew: () => told.push("new"),
  });
  const pass = (ms: number) => clock.moveInSteps(ms, 50);
  return { clock, told, moves, pass };
}

test("a connection that the server ended and a client that reconnects are a pair, in either order", async () => {
  const { moves, told, pass } = begin();
  moves.ended();
  await pass(2950);
  moves.resumed();
  moves.resumed();
  await pass(2950);
  moves.ended();
  await pass(20_000);
  expect(told).toEqual([]);
});

test("after three seconds a client that did not reconnect is gone, and one whose former connection is unknown is new", async () => {
  const { moves, told, pass } = begin();
  moves.ended();
  moves.ended();
  moves.resumed();
  await pass(2950);
  expect(told).toEqual([]);
  await pass(50);
  expect(told).toEqual(["gone"]);
  moves.resumed();
  await pass(3000);
  expect(told).toEqual(["gone", "new"]);
  await pass(20_000);
  expect(told).toHaveLength(2);
});

test("nobody is announced before the other workers have reported everything, and a report that comes late still counts", async () => {
  const { moves, told, pass } = begin(5000);
  moves.resumed();
  moves.ended();
  moves.resumed();
  await pass(7950);
  moves.ended(); // reported by a worker that was busy
  await pass(20_000);
  expect(told).toEqual([]);
  moves.ended();
  await pass(7950);
  expect(told).toEqual([]);
  await pass(100);
  expect(told).toEqual(["gone"]);
});

test("connections that change during a query are decided by the next query", async () => {
  const { moves, told, pass } = begin(2000);
  moves.resumed();
  await pass(4000);
  moves.resumed(); // asked 3 s from now
  await pass(1100);
  expect(told).toEqual(["new"]);
  await pass(3000);
  expect(told).toEqual(["new"]);
  await pass(1000);
  expect(told).toEqual(["new", "new"]);
});

test("nothing is announced after the end", async () => {
  const { moves, told, pass, clock } = begin(1000);
  moves.ended();
  await pass(3500);
  moves.close();
  await pass(20_000);
  expect(told).toEqual([]);
  expect(clock.pending).toBe(0);
  await turn();
});
