import { describe, expect, test } from "bun:test";
import { FakeConnection } from "../../tests/fakes/connection.ts";
import { anonymous } from "../auth/identity.ts";
import { Session } from "./session.ts";
import { packAddresses, type SessionOrigin } from "./session-origin.ts";

const origin: SessionOrigin = { id: "c_1", ip: "203.0.113.7", remote: "203.0.113.7:4711", connectedAt: 17 };

describe("the origin of a session", () => {
  test.each([
    { of: "an IPv4 client", ip: "203.0.113.7", remote: "203.0.113.7:4711", isNumber: true },
    { of: "an IPv4 client behind a proxy", ip: "203.0.113.7", remote: "203.0.113.7", isNumber: true },
    { of: "an IPv6 client", ip: "2001:db8:0:1::/64", remote: "[2001:db8:0:1::5]:443", isNumber: false },
    { of: "an IPv6 client behind a proxy", ip: "2001:db8:0:1::/64", remote: "[2001:db8:0:1::5]", isNumber: false },
    { of: "a client whose address is unknown", ip: "unknown", remote: "unknown:0", isNumber: false },
    { of: "a client that is counted by another address", ip: "10.0.0.1", remote: "10.0.0.2:1", isNumber: false },
  ])("has the same addresses as its handshake: $of", ({ ip, remote, isNumber }) => {
    const session = new Session({ ...origin, ip, remote }, anonymous, new FakeConnection());
    expect(session.origin).toMatchObject({ ip, remote, connectedAt: 17 });
    expect(typeof packAddresses({ ip, remote }) === "number").toBe(isNumber);
  });

  test.each([
    { given: {}, resumes: false, formerId: undefined },
    { given: { resumes: true }, resumes: true, formerId: undefined },
    { given: { resumes: true, formerId: "c_0" }, resumes: true, formerId: "c_0" },
  ])("says whether its client was here before: $given", ({ given, resumes, formerId }) => {
    const session = new Session({ ...origin, ...given }, anonymous, new FakeConnection());
    expect([session.origin.resumes, session.origin.formerId]).toEqual([resumes, formerId]);
  });
});
