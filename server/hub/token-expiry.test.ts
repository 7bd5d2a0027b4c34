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

  test("affects no session without a token, and none that left", () => {
    const without = makeExpiring(undefined);
    without.clock.move(400 * dayMs);
    const { clock, expiry, session, connection } = makeExpiring(5000);
    expiry.forget(session);
    clock.move(dayMs);
    expect([without.connection.closedWith, connection.closedWith]).toEqual([undefined, undefined]);
  });
});
