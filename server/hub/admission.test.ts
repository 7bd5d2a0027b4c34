import { describe, expect, test } from "bun:test";
import { Admission, type AdmissionLimits } from "./admission.ts";

function makeAdmission(limits: Partial<AdmissionLimits> = {}) {
  const usual = { maxConnections: 100, maxConnectionsPerIp: 100, maxConnectionsPerUser: 100 };
  const admission = new Admission({ ...usual, ...limits }, () => 0);
  const enter = (ip: string, userId?: string, isContinued = false) => {
    try {
      admission.enter({ ip, userId }, isContinued);
      return "in";
    } catch (error) {
      return error instanceof Error && "code" in error ? error.code : error;
    }
  };
  return { admission, enter };
}

describe("admission", () => {
  test("admits exactly the configured number of connections, and one more for each that leaves", () => {
    const { admission, enter } = makeAdmission({ maxConnections: 2 });
    expect([enter("a"), enter("b"), enter("c")]).toEqual(["in", "in", "full"]);
    admission.leave("a");
    expect([enter("c"), enter("d")]).toEqual(["in", "full"]);
  });

  test("limits the connections per address", () => {
    const { admission, enter } = makeAdmission({ maxConnectionsPerIp: 2 });
    expect([enter("a"), enter("a"), enter("a"), enter("b")]).toEqual(["in", "in", "rate-limited", "in"]);
    admission.leave("a");
    expect([enter("a"), enter("a")]).toEqual(["in", "rate-limited"]);
  });

  test("limits the connections per user, whatever the address", () => {
    const { admission, enter } = makeAdmission({ maxConnectionsPerUser: 2 });
    expect([enter("a", "u1"), enter("b", "u1"), enter("c", "u1"), enter("c", "u2"), enter("c")]).toEqual([
      "in",
      "in",
      "rate-limited",
      "in",
      "in",
    ]);
    admission.cancel({ ip: "a", userId: "u1" });
    expect([enter("a", "u1"), enter("a", "u1")]).toEqual(["in", "rate-limited"]);
  });

  test("applies no limit per user to connections without a user", () => {
    const { enter } = makeAdmission({ maxConnectionsPerUser: 1 });
    expect([enter("a"), enter("a"), enter("a")]).toEqual(["in", "in", "in"]);
  });

  test("does not count a resumed connection twice for its user", () => {
    const limited = makeAdmission({ maxConnectionsPerUser: 1 });
    expect([limited.enter("a", "u1"), limited.enter("a", "u1", true)]).toEqual(["in", "in"]);
  });

  test("a refused connection is not counted", () => {
    const { enter } = makeAdmission({ maxConnections: 2, maxConnectionsPerIp: 1 });
    expect([enter("a"), enter("a"), enter("b"), enter("c")]).toEqual(["in", "rate-limited", "in", "full"]);
  });

  test("a temporary refusal includes the retry time", () => {
    const { admission } = makeAdmission({ maxConnections: 0 });
    expect(() => admission.enter({ ip: "a", userId: undefined })).toThrow(
      expect.objectContaining({ retryAfterMs: 5000 }),
    );
  });
});

describe("connections that continue others", () => {
  test("may exceed the limit of their user, but a chain of them not twice the limit", () => {
    const { enter } = makeAdmission({ maxConnectionsPerUser: 3 });
    for (let at = 0; at < 3; at++) expect(enter("a", "u1")).toBe("in");
    expect(Array.from({ length: 4 }, () => enter("a", "u1", true))).toEqual(["in", "in", "in", "rate-limited"]);
  });
});

test("open connections of a user count too, each of them once", () => {
  const usual = { maxConnections: 100, maxConnectionsPerIp: 3, maxConnectionsPerUser: 3 };
  let open = 2;
  const admission = new Admission(usual, (userId) => (userId === "u1" ? open : 0));
  const reservation = { ip: "a", userId: "u1" };
  const next = () => admission.enter(reservation);
  next();
  expect(next).toThrow("at most 3 connections per user");
  open++;
  admission.opened(reservation);
  expect(next).toThrow("at most 3 connections per user");
  open = 0;
  next();
  next();
  expect(next).toThrow("at most 3 connections per address");
  admission.cancel(reservation);
  next();
});
