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
