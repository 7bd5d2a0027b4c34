import { describe, expect, test } from "bun:test";
import { makeSession } from "../../tests/fakes/session.ts";
import { MovedClock } from "../lib/moved-clock.ts";
import { Connections } from "./connections.ts";
import { Notices } from "./notices.ts";

/** Notices to these sessions. */
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
    /** The notices that the first guest received. */
    sentNotices: () => guests[0]?.connection.accepted.map(({ event, online }) => `${event} ${online}`),
  };
}

describe("notices", () => {
  test("sends the first one at once, to everyone but the new connection", () => {
    const { join, sentNotices, guests } = makeNotices("a", "b");
    const newcomer = join("c");
    expect(sentNotices()).toEqual(["joined 3"]);
    expect(guests[1]?.connection.accepted[0]?.message).toBe("A new client has joined the chat. 3 client(s) online.");
    expect(newcomer.connection.accepted).toEqual([]);
  });

  test("sends one a second during a storm, with the current count", () => {
    const { join, sentNotices, clock } = makeNotices("a");
    for (let guest = 0; guest < 50; guest++) join(`guest-${guest}`);
    clock.move(999);
    expect(sentNotices()).toEqual(["joined 2"]);
    clock.move(1);
    expect(sentNotices()).toEqual(["joined 2", "joined 51"]);
    clock.move(10_000);
    expect(sentNotices()).toHaveLength(2);
  });

  test("does not send the batched count to the newest connection alone, whose welcome was the latest", () => {
    const { join, clock } = makeNotices("a");
    join("b");
    const [early, late] = [join("c"), join("d")];
    clock.move(1000);
    expect(early.connection.accepted.map(({ online }) => online)).toEqual([4]);
    expect(late.connection.accepted).toEqual([]);
  });

  test("skips a session whose socket is full, and closes none for it", () => {
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

  test("reach the others if sending to one connection fails, which is closed with 1011", () => {
    const { join, guests } = makeNotices("a", "b", "c");
    const [a, b, c] = guests;
    if (b !== undefined) b.connection.fault = new Error("a bug");
    join("d");
    expect([a, b, c].map((guest) => guest?.connection.closedWith?.name)).toEqual([undefined, "internal", undefined]);
    expect([a, c].map((guest) => guest?.connection.of("joined").length)).toEqual([1, 1]);
  });

  test("a leave notice has its own text", () => {
    const { leave, sentNotices, guests } = makeNotices("a", "b");
    const [, b] = guests;
    if (b !== undefined) leave(b);
    expect(sentNotices()).toEqual(["left 1"]);
    expect(guests[0]?.connection.accepted[0]?.message).toBe("A client has left the chat. 1 client(s) online.");
  });

  test("a join and a leave within one second are both sent", () => {
    const { join, leave, sentNotices, clock } = makeNotices("a");
    const b = join("b");
    join("c");
    leave(b);
    clock.move(1000);
    expect(sentNotices()).toEqual(["joined 2", "left 2", "joined 2"]);
  });

  test("after a quiet second the next one is sent at once again", () => {
    const { join, sentNotices, clock } = makeNotices("a");
    join("b");
    clock.move(1000);
    join("c");
    expect(sentNotices()).toEqual(["joined 2", "joined 3"]);
  });

  test("are not sent before the welcome", () => {
    const { join, guests } = makeNotices("a", "b");
    const [, b] = guests;
    if (b !== undefined) b.session.isWelcomed = false;
    join("c");
    expect(b?.connection.accepted).toEqual([]);
  });

  test("are not sent after the end", () => {
    const { join, sentNotices, clock, notices } = makeNotices("a");
    join("b");
    join("c");
    notices.close();
    clock.move(5000);
    expect(sentNotices()).toEqual(["joined 2"]);
  });
});
