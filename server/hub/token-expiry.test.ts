import { describe, expect, test } from "bun:test";
import { makeSession } from "../../tests/fakes/session.ts";
import { MovedClock } from "../lib/moved-clock.ts";
import { TokenExpiry } from "./token-expiry.ts";

const dayMs = 86_400_000;

/** A session whose token expires this many milliseconds from now. */
function makeExpiring(leftMs: number | undefined) {
  const clock = new MovedClock();
  const expiry = new TokenExpiry(clock);
  const expiresAtMs = leftMs === undefined ? undefined : clock.now() + leftMs;
  const { session, connection } = makeSession("c_1", { identity: { userId: "u1", expiresAtMs } });
  expiry.watch(session);
  return { clock, expiry, session, connection };
}

describe("a token that expires soon", () => {
  const noticesOf = ({ connection }: { connection: { accepted: readonly unknown[] } }) =>
    connection.accepted.filter((it) => (it as { event?: string }).event === "token-expiring");

  test("is announced 30 s before its end, once", () => {
    const expiring = makeExpiring(50_000);
    const { clock } = expiring;
    clock.move(19_999);
    expect(noticesOf(expiring)).toEqual([]);
    clock.move(1);
    const [notice, ...others] = noticesOf(expiring);
    expect(notice).toMatchObject({ type: "system", expires_in_ms: 30_000, message: "The token expires in 30 s." });
    clock.move(29_999);
    expect([others, noticesOf(expiring).length, expiring.connection.closedWith]).toEqual([[], 1, undefined]);
    clock.move(1);
    expect(expiring.connection.closedWith?.name).toBe("token-expired");
  });

  test("is announced after the welcome, and to a client that reads", () => {
    const expiring = makeExpiring(10_000);
    const { clock, session } = expiring;
    session.isWelcomed = false;
    clock.move(0);
    expect(noticesOf(expiring)).toEqual([]);
    session.isWelcomed = true;
    session.isBlocked = true;
    clock.move(1000);
    expect(noticesOf(expiring)).toEqual([]);
    session.isBlocked = false;
    clock.move(1000);
    expect(noticesOf(expiring)).toMatchObject([{ expires_in_ms: 8000 }]);
  });

  test("is announced again for the next token, and not for one that is valid for longer", () => {
    const expiring = makeExpiring(10_000);
    const { clock, session, expiry } = expiring;
    clock.move(0);
    session.identity = { ...session.identity, expiresAtMs: clock.now() + 60_000 };
    expiry.watch(session);
    clock.move(29_999);
    expect(noticesOf(expiring).length).toBe(1);
    clock.move(1);
    expect(noticesOf(expiring).length).toBe(2);
    session.identity = { ...session.identity, expiresAtMs: undefined };
    expiry.watch(session);
    clock.move(dayMs);
    expect([noticesOf(expiring).length, expiring.connection.closedWith]).toEqual([2, undefined]);
  });
});

describe("an expired token", () => {
  test("closes its session with 4010, and not earlier", () => {
    const { clock, connection } = makeExpiring(5000);
    clock.move(4999);
    expect(connection.closedWith).toBeUndefined();
    clock.move(1);
    expect(connection.closedWith?.name).toBe("token-expired");
  });

  test("that has already expired closes the session at once, in its own turn", () => {
    const { clock, connection } = makeExpiring(-1);
    expect(connection.closedWith).toBeUndefined();
    clock.move(0);
    expect(connection.closedWith?.name).toBe("token-expired");
  });

  test("is detected even if it expires later than a timer can wait", () => {
    const { clock, connection } = makeExpiring(60 * dayMs);
    clock.move(60 * dayMs - 1);
    expect(connection.closedWith).toBeUndefined();
    clock.move(1);
    expect(connection.closedWith?.name).toBe("token-expired");
  });

  test("is replaced by a new token's expiry, or by none", () => {
    const { clock, expiry, session, connection } = makeExpiring(5000);
    session.identity = { ...session.identity, expiresAtMs: clock.now() + 10_000 };
    expiry.watch(session);
    clock.move(9999);
    expect(connection.closedWith).toBeUndefined();
    session.identity = { ...session.identity, expiresAtMs: undefined };
    expiry.watch(session);
    clock.move(dayMs);
    expect(connection.closedWith).toBeUndefined();
  });

  test("closes its session within seconds after the wall clock was set forward, or went on while the machine was suspended", () => {
    const { clock, connection } = makeExpiring(dayMs);
    clock.move(60_000);
    clock.set(2 * dayMs);
    clock.move(15_000);
    expect(connection.closedWith?.name).toBe("token-expired");
  });

  test("closes its session in time if the wall clock was set forward and back", () => {
    const { clock, connection } = makeExpiring(dayMs);
    for (const ms of [dayMs / 2, -dayMs / 2]) {
      clock.set(ms);
      clock.move(60_000);
    }
    clock.move(dayMs - 2 * 60_000 - 1);
    expect(connection.closedWith).toBeUndefined();
    clock.move(1);
    expect(connection.closedWith?.name).toBe("token-expired");
  });

  test("leaves no timer behind when the last session has left", () => {
    const { clock, expiry, session } = makeExpiring(dayMs);
    expiry.forget(session);
    clock.move(60_000);
    expect(clock.pending).toBe(0);
  });

  test("affects no session without a token, and none that left", () => {
    const without = makeExpiring(undefined);
    without.clock.move(400 * dayMs);
    const { clock, expiry, session, connection } = makeExpiring(5000);
    expiry.forget(session);
    clock.move(dayMs);
    expect([without.connection.closedWith, connection.closedWith]).toEqual([undefined, undefined]);
  });
});
