import { describe, expect, test } from "bun:test";
import { makeSession } from "../../tests/fakes/session.ts";
import { MovedClock } from "../lib/moved-clock.ts";
import { SlowReaders } from "./slow-readers.ts";

const timeoutMs = 60_000;

/** A session whose socket is full: ten writes wait in it. */
function makeSlow() {
  const clock = new MovedClock();
  const slow = new SlowReaders(timeoutMs, clock);
  const { session, connection } = makeSession();
  connection.stall();
  for (let write = 0; write < 10; write++) session.sendFrame({ type: "pong" });
  session.isBlocked = true;
  slow.watch(session);
  return { clock, slow, session, connection };
}

describe("a slow reader", () => {
  test("is closed with 4008 after the whole time without progress, and not before", () => {
    const { clock, slow, connection } = makeSlow();
    clock.move(timeoutMs - 1);
    expect(connection.closedWith).toBeUndefined();
    clock.move(1001);
    expect([connection.closedWith?.name, slow.size]).toEqual(["too-slow", 0]);
  });

  test("may be as slow as it likes while it reads at all", () => {
    const { clock, connection } = makeSlow();
    for (let write = 0; write < 10; write++) {
      clock.move(timeoutMs - 2000);
      connection.progress();
    }
    expect(connection.closedWith).toBeUndefined();
  });

  test("is not helped by what is added to its buffer", () => {
    const { clock, connection, session } = makeSlow();
    for (let second = 0; second < 70; second++) {
      clock.move(1000);
      if (session.closed === undefined) session.sendFrame({ type: "pong" });
    }
    expect(connection.closedWith?.name).toBe("too-slow");
  });

  test("is forgotten once it has room again", () => {
    const { clock, slow, connection, session } = makeSlow();
    session.isBlocked = false;
    clock.move(2 * timeoutMs);
    expect([connection.closedWith, slow.size]).toEqual([undefined, 0]);
  });

  test("begins its time anew when it is full again", () => {
    const { clock, slow, connection, session } = makeSlow();
    clock.move(timeoutMs - 1000);
    slow.watch(session);
    clock.move(timeoutMs - 1000);
    expect(connection.closedWith).toBeUndefined();
    clock.move(2000);
    expect(connection.closedWith?.name).toBe("too-slow");
  });

  test("that left is not looked at any more", () => {
    const { clock, slow, connection, session } = makeSlow();
    slow.forget(session);
    clock.move(2 * timeoutMs);
    expect(connection.closedWith).toBeUndefined();
  });

  test("keeps its time when the wall clock is set forward", () => {
    const { clock, connection } = makeSlow();
    clock.set(3_600_000);
    clock.move(5000);
    expect(connection.closedWith).toBeUndefined();
  });

  test("none is looked at after the end", () => {
    const { clock, slow, connection } = makeSlow();
    slow.close();
    clock.move(2 * timeoutMs);
    expect([connection.closedWith, slow.size]).toEqual([undefined, 0]);
  });
});
