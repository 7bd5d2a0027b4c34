import { describe, expect, test } from "bun:test";
import { Admission, type AdmissionLimits } from "./admission.ts";

function makeAdmission(limits: Partial<AdmissionLimits> = {}) {
  const usual = { maxConnections: 100, maxConnectionsPerIp: 100, maxConnectionsPerUser: 100 };
  const admission = new Admission({ ...usual, ...limits });
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
  test("has as many places as it says, and a place that is given back is free again", () => {
    const { admission, enter } = makeAdmission({ maxConnections: 2 });
    expect([enter("a"), enter("b"), enter("c")]).toEqual(["in", "in", "full"]);
    admission.leave({ ip: "a", userId: undefined });
    expect([enter("c"), enter("d")]).toEqual(["in", "full"]);
  });

  test("one address has its own number of places", () => {
    const { admission, enter } = makeAdmission({ maxConnectionsPerIp: 2 });
    expect([enter("a"), enter("a"), enter("a"), enter("b")]).toEqual(["in", "in", "rate-limited", "in"]);
    admission.leave({ ip: "a", userId: undefined });
    expect([enter("a"), enter("a")]).toEqual(["in", "rate-limited"]);
  });

  test("one user has their own number of places, whatever the address", () => {
    const { admission, enter } = makeAdmission({ maxConnectionsPerUser: 2 });
    expect([enter("a", "u1"), enter("b", "u1"), enter("c", "u1"), enter("c", "u2"), enter("c")]).toEqual([
      "in",
      "in",
      "rate-limited",
      "in",
      "in",
    ]);
    admission.leave({ ip: "a", userId: "u1" });
    expect([enter("a", "u1"), enter("a", "u1")]).toEqual(["in", "rate-limited"]);
  });

  test("who has no user is not counted as one", () => {
    const { enter } = makeAdmission({ maxConnectionsPerUser: 1 });
    expect([enter("a"), enter("a"), enter("a")]).toEqual(["in", "in", "in"]);
  });

  test("who continues a connection is no second one of its user", () => {
    const limited = makeAdmission({ maxConnectionsPerUser: 1 });
    expect([limited.enter("a", "u1"), limited.enter("a", "u1", true)]).toEqual(["in", "in"]);
  });

  test("who is refused takes no place", () => {
    const { enter } = makeAdmission({ maxConnections: 2, maxConnectionsPerIp: 1 });
    expect([enter("a"), enter("a"), enter("b"), enter("c")]).toEqual(["in", "rate-limited", "in", "full"]);
  });

  test("a refusal that passes by itself says when to come again", () => {
    const { admission } = makeAdmission({ maxConnections: 0 });
    expect(() => admission.enter({ ip: "a", userId: undefined })).toThrow(
      expect.objectContaining({ retryAfterMs: 5000 }),
    );
  });
});
