import { describe, expect, test } from "bun:test";
import { makeSession } from "../../tests/fakes/session.ts";
import { MovedClock } from "../lib/moved-clock.ts";
import { Connections } from "./connections.ts";
import { Notices } from "./notices.ts";

/** A room with some who are there already. */
function makeNotices(...names: readonly string[]) {
  const clock = new MovedClock();
  const connections = new Connections();
  const notices = new Notices(connections, () => connections.size, clock);
  const add = (id: string) => {
    const guest = makeSession(id);
    connections.add(guest.session);
    return guest;
  };
  const guests = names.map(add);
  return {
    clock,
    notices,
    guests,
    join(id: string) {
      const guest = add(id);
      notices.joined(guest.session);
      return guest;
    },
    leave(guest: ReturnType<typeof add>) {
      connections.remove(guest.session);
      notices.left();
    },
    /** What the first guest was told. */
    told: () => guests[0]?.connection.taken.map(({ event, online }) => `${event} ${online}`),
  };
}

describe("notices", () => {
  test("the first is told at once, to all but the newcomer", () => {
    const { join, told, guests } = makeNotices("a", "b");
    const newcomer = join("c");
    expect(told()).toEqual(["joined 3"]);
    expect(guests[1]?.connection.taken[0]?.message).toBe("A new client has joined the chat. 3 client(s) online.");
    expect(newcomer.connection.taken).toEqual([]);
  });

  test("a storm is one notice a second, with the count as it is then", () => {
    const { join, told, clock } = makeNotices("a");
    for (let guest = 0; guest < 50; guest++) join(`guest-${guest}`);
    clock.move(999);
    expect(told()).toEqual(["joined 2"]);
    clock.move(1);
    expect(told()).toEqual(["joined 2", "joined 51"]);
    clock.move(10_000);
    expect(told()).toHaveLength(2);
  });

  test("a stream that ends for its age and one that resumes are no news, in either order", () => {
    const { notices, told, clock } = makeNotices("a", "b");
    notices.paused();
    clock.move(2999);
    notices.resumed();
    notices.resumed();
    clock.move(99);
    notices.paused();
    clock.move(10_000);
    expect(told()).toEqual([]);
  });

  test("a stream that is not resumed has left three seconds later, and who resumes what nobody paused has joined", () => {
    const { notices, told, clock } = makeNotices("a", "b");
    notices.paused();
    notices.paused();
    notices.resumed();
    clock.move(2999);
    expect(told()).toEqual([]);
    clock.move(1);
    expect(told()).toEqual(["left 2"]);
    clock.move(5000);
    notices.resumed();
    clock.move(100);
    expect(told()).toEqual(["left 2", "joined 2"]);
    clock.move(10_000);
    expect(told()).toHaveLength(2);
  });

  test("of those gathered only the newest is not told, since the others were welcomed to fewer", () => {
    const { join, clock } = makeNotices("a");
    join("b");
    const [early, late] = [join("c"), join("d")];
    clock.move(1000);
    expect(early.connection.taken.map(({ online }) => online)).toEqual([4]);
    expect(late.connection.taken).toEqual([]);
  });

  test("are left out where the socket is full: nobody is closed for one", () => {
    const { join, guests } = makeNotices("a", "b");
    const [full, usual] = guests;
    if (full === undefined) throw new Error("no guest");
    full.connection.stall();
    full.session.sendFrame({ type: "error", code: "internal", message: "x".repeat(1_100_000) });
    full.session.isBlocked = true;
    const before = full.connection.writes;
    join("c");
    expect([full.connection.writes - before, full.connection.closedWith]).toEqual([0, undefined]);
    expect(usual?.connection.writes).toBe(1);
  });

  test("reach the others where one connection has a fault, which is closed with 1011", () => {
    const { join, guests } = makeNotices("a", "b", "c");
    const [a, b, c] = guests;
    if (b !== undefined) b.connection.fault = new Error("a bug");
    join("d");
    expect([a, b, c].map((guest) => guest?.connection.closedWith?.name)).toEqual([undefined, "internal", undefined]);
    expect([a, c].map((guest) => guest?.connection.of("joined").length)).toEqual([1, 1]);
  });

  test("who leaves is told in other words", () => {
    const { leave, told, guests } = makeNotices("a", "b");
    const [, b] = guests;
    if (b !== undefined) leave(b);
    expect(told()).toEqual(["left 1"]);
    expect(guests[0]?.connection.taken[0]?.message).toBe("A client has left the chat. 1 client(s) online.");
  });

  test("both gathered in one second are both told", () => {
    const { join, leave, told, clock } = makeNotices("a");
    const b = join("b");
    join("c");
    leave(b);
    clock.move(1000);
    expect(told()).toEqual(["joined 2", "left 2", "joined 2"]);
  });

  test("after a quiet second the next is told at once again", () => {
    const { join, told, clock } = makeNotices("a");
    join("b");
    clock.move(1000);
    join("c");
    expect(told()).toEqual(["joined 2", "joined 3"]);
  });

  test("who is not welcomed yet is told nothing", () => {
    const { join, guests } = makeNotices("a", "b");
    const [, b] = guests;
    if (b !== undefined) b.session.isWelcomed = false;
    join("c");
    expect(b?.connection.taken).toEqual([]);
  });

  test("nothing is told after the end", () => {
    const { join, told, clock, notices } = makeNotices("a");
    join("b");
    join("c");
    notices.close();
    clock.move(5000);
    expect(told()).toEqual(["joined 2"]);
  });
});
