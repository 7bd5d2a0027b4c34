import { expect, test } from "bun:test";
import { MovedClock } from "../lib/moved-clock.ts";
import { LostConnections } from "./lost-connections.ts";

function world() {
  const clock = new MovedClock();
  const gone: number[] = [];
  const link = { isCutOff: false };
  const connections = new LostConnections(
    clock,
    () => link.isCutOff,
    (count) => gone.push(count),
  );
  return { clock, gone, link, connections };
}

test("connections of a lost member are gone after a second, if none returns", () => {
  const { clock, gone, connections } = world();
  connections.lost(3);
  clock.move(999);
  expect(gone).toEqual([]);
  clock.move(1);
  expect(gone).toEqual([3]);
  clock.move(60_000);
  expect(gone).toEqual([3]);
});

test("connections that return with another membership are not gone, whether it is known before or after the loss", () => {
  const { clock, gone, connections } = world();
  connections.lost(3);
  clock.move(500);
  connections.returned(3);
  clock.move(500);
  connections.returned(2);
  clock.move(500);
  connections.lost(3);
  clock.move(500);
  expect(gone).toEqual([1]);
});

test("connections that returned long before their loss is noticed are not gone, and count once", () => {
  const { clock, gone, connections } = world();
  connections.returned(3);
  clock.move(9000);
  connections.lost(2);
  connections.lost(2);
  clock.move(1000);
  expect(gone).toEqual([1]);
  connections.returned(3);
  clock.move(12_000);
  connections.lost(2);
  clock.move(1000);
  expect(gone).toEqual([1, 2]);
});

test("while this member is cut off, and until the others had five seconds to report, nobody is gone", () => {
  const { clock, gone, link, connections } = world();
  link.isCutOff = true;
  connections.lost(4);
  clock.move(60_500);
  link.isCutOff = false;
  connections.restartWait();
  clock.move(4999);
  connections.returned(3);
  expect(gone).toEqual([]);
  clock.move(1);
  expect(gone).toEqual([1]);
});
