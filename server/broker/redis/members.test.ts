import { expect, test } from "bun:test";
import { MovedClock } from "../../lib/moved-clock.ts";
import { Members } from "./members.ts";

test("a member expires six seconds after its last message", () => {
  const clock = new MovedClock();
  const members = new Members(clock);
  members.heardFrom("a");
  clock.move(6000);
  expect(members.alive()).toEqual(["a"]);
  clock.move(1);
  expect(members.alive()).toEqual([]);
});

test("a member that announces its departure expires at once", () => {
  const members = new Members(new MovedClock());
  members.heardFrom("a");
  members.left("a");
  expect(members.alive()).toEqual([]);
});

test("the time during which this member was disconnected does not count, however long it was", () => {
  const clock = new MovedClock();
  const members = new Members(clock);
  members.heardFrom("a");
  clock.move(2000);
  members.disconnected();
  members.disconnected(); // with several servers, one connection after the other breaks
  clock.move(60_000);
  expect(members.alive()).toEqual(["a"]);
  members.connected();
  clock.move(6000);
  expect(members.alive()).toEqual(["a"]);
  clock.move(1);
  expect(members.alive()).toEqual([]);
});

test("the time a hanging server went unnoticed does not count towards the expiry of the others", () => {
  const clock = new MovedClock();
  const members = new Members(clock);
  members.connected();
  members.heardFrom("a");
  clock.move(1000);
  members.heardFromSelf();
  clock.move(4500); // the server hangs, and this member has not noticed yet
  members.disconnected();
  members.connected();
  clock.move(5000);
  expect(members.alive()).toEqual(["a"]);
  clock.move(1);
  expect(members.alive()).toEqual([]);
});

test("a member knows the others after three seconds without a break, and from then on", () => {
  const clock = new MovedClock();
  const members = new Members(clock);
  members.connected();
  clock.move(2999);
  members.heardFromSelf();
  expect(members.isIntroduced).toBe(false);
  members.disconnected();
  members.connected();
  clock.move(2999);
  expect(members.isIntroduced).toBe(false);
  clock.move(1);
  expect(members.isIntroduced).toBe(true);
  members.heardFromSelf();
  members.disconnected();
  expect(members.isIntroduced).toBe(true);
});

test("the time a hanging server went unnoticed introduces no member", () => {
  const clock = new MovedClock();
  const members = new Members(clock);
  members.connected();
  clock.move(1000);
  members.heardFromSelf();
  clock.move(4000); // the server hangs
  members.disconnected();
  expect(members.isIntroduced).toBe(false);
});

test("members that were alive when Redis was restarted are expected until they hand over, even if they expire", () => {
  const clock = new MovedClock();
  const members = new Members(clock);
  members.connected();
  clock.move(3000);
  members.heardFrom("a");
  members.heardFrom("b");
  members.disconnected();
  members.idsEnded(["first"]);
  members.connected();
  clock.move(60_000);
  expect([members.alive(), [...(members.expectedAt("first") ?? [])]]).toEqual([[], ["a", "b"]]);
  members.left("a");
  expect([...(members.expectedAt("first") ?? [])]).toEqual(["b"]);
  expect(members.expectedAt("second")).toBeUndefined();
});

test("only the last hundred restarts are remembered", () => {
  const clock = new MovedClock();
  const members = new Members(clock);
  members.connected();
  clock.move(3000);
  members.heardFromSelf();
  for (let n = 0; n <= 100; n++) {
    members.disconnected();
    members.idsEnded([`id ${n}`]);
    members.connected();
  }
  expect([members.expectedAt("id 0"), members.expectedAt("id 1")?.size]).toEqual([undefined, 0]);
});

test("a sign of life that arrives after a member's departure does not make it alive again", () => {
  const members = new Members(new MovedClock());
  members.heardFrom("a");
  members.left("a");
  members.heardFrom("a");
  expect(members.alive()).toEqual([]);
});
