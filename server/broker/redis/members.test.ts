import { describe, expect, test } from "bun:test";
import { MovedClock } from "../../lib/moved-clock.ts";
import { Members } from "./members.ts";

const heartbeat = (member: string, replicationId: string, ageMs = 0) => ({ member, replicationId, ageMs });

test("a member expires six seconds after its last message", () => {
  const clock = new MovedClock();
  const members = new Members("self", clock);
  members.heardFrom("a");
  clock.move(6000);
  expect(members.alive()).toEqual(["a"]);
  clock.move(1);
  expect(members.alive()).toEqual([]);
});

test("a member that announces its departure expires at once", () => {
  const members = new Members("self", new MovedClock());
  members.heardFrom("a");
  members.left("a");
  expect(members.alive()).toEqual([]);
});

test("the time during which this member was disconnected does not count, however long it was", () => {
  const clock = new MovedClock();
  const members = new Members("self", clock);
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
  const members = new Members("self", clock);
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
  const members = new Members("self", clock);
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
  const members = new Members("self", clock);
  members.connected();
  clock.move(1000);
  members.heardFromSelf();
  clock.move(4000); // the server hangs
  members.disconnected();
  expect(members.isIntroduced).toBe(false);
});

test("members that were alive when Redis was restarted are expected until they hand over, even if they expire", () => {
  const clock = new MovedClock();
  const members = new Members("self", clock);
  members.connected();
  clock.move(3000);
  members.heardFrom("a");
  members.heardFrom("b");
  members.disconnected();
  members.idsEnded(["first"]);
  members.connected();
  members.heartbeatsFound([heartbeat("self", "first")]);
  clock.move(60_000);
  expect([members.alive(), [...(members.expectedAt("first") ?? [])]]).toEqual([[], ["a", "b"]]);
  members.left("a");
  expect([...(members.expectedAt("first") ?? [])]).toEqual(["b"]);
  expect(members.expectedAt("second")).toBeUndefined();
});

test("only the last hundred restarts are remembered", () => {
  const clock = new MovedClock();
  const members = new Members("self", clock);
  members.connected();
  clock.move(3000);
  members.heardFromSelf();
  for (let n = 0; n <= 100; n++) {
    members.disconnected();
    members.idsEnded([`id ${n}`]);
    members.connected();
    members.heartbeatsFound([heartbeat("self", `id ${n}`)]);
  }
  expect([members.expectedAt("id 0"), members.expectedAt("id 1")?.size]).toEqual([undefined, 0]);
});

describe("after a restart, the heartbeats that Redis still has", () => {
  /** A member that was introduced, and is connected again. It has read no heartbeats yet. */
  function restarted() {
    const clock = new MovedClock();
    const members = new Members("self", clock);
    members.connected();
    clock.move(3000);
    members.heardFrom("heard");
    members.disconnected();
    members.idsEnded(["first"]);
    members.connected();
    return members;
  }
  const expected = (members: Members) => Array.from(members.expectedAt("first") ?? [], (it) => it);

  test("name members that were never heard, if they were alive when the lost writes began", () => {
    const members = restarted();
    members.heartbeatsFound([
      heartbeat("dead", "first", 6001),
      heartbeat("cut-off", "first", 6000),
      heartbeat("self", "first"),
    ]);
    expect(expected(members)).toEqual(["heard", "cut-off"]);
  });

  test("do not name members that have handed over what they knew, or that were alive at another time or on another server", () => {
    const members = restarted();
    members.left("gone");
    members.heartbeatsFound([
      heartbeat("gone", "first"),
      heartbeat("a", "zeroth"),
      heartbeat("b", "second"),
      heartbeat("self", "first"),
    ]);
    expect(expected(members)).toEqual(["heard"]);
  });

  test("say nothing without this member's own heartbeat, because then this member connected later", () => {
    const members = restarted();
    members.heartbeatsFound([heartbeat("cut-off", "first"), heartbeat("self", "second")]);
    expect(members.expectedAt("first")).toBeUndefined();
  });

  test("are read before a member answers queries", () => {
    const members = restarted();
    expect(members.mayTell).toBe(false);
    members.heartbeatsRead();
    expect(members.mayTell).toBe(true);
    members.disconnected();
    expect(members.mayTell).toBe(false);
    members.connected();
    expect(members.mayTell).toBe(false);
  });
});

test("a heartbeat that arrives after a member's departure does not make it alive again", () => {
  const members = new Members("self", new MovedClock());
  members.heardFrom("a");
  members.left("a");
  members.heardFrom("a");
  expect(members.alive()).toEqual([]);
});
