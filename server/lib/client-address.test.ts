import { describe, expect, test } from "bun:test";
import { forwardedFor, networkOf, TrustedProxies } from "./client-address.ts";

const proxies = new TrustedProxies(["10.0.0.0/8", "2001:db8:ffff::/48", "192.0.2.7"]);

describe("the client's address", () => {
  test.each([
    ["is the last one that is not a trusted proxy", "10.0.0.1", "203.0.113.7, 10.0.0.2", "203.0.113.7"],
    ["is not the one that the client prepended", "10.0.0.1", "1.2.3.4, 203.0.113.7", "203.0.113.7"],
    [
      "is not one that the client prepended, however many there are",
      "10.0.0.1",
      "10.9.9.9, 1.2.3.4, 203.0.113.7, 10.0.0.2",
      "203.0.113.7",
    ],
    ["loses its port", "10.0.0.1", "203.0.113.7:4711", "203.0.113.7"],
    ["is IPv6", "10.0.0.1", "2001:db8::1", "2001:db8::1"],
    ["may be IPv6 in brackets", "10.0.0.1", "[2001:db8::1]", "2001:db8::1"],
    ["may be IPv6 in brackets with a port", "10.0.0.1", "[2001:db8::1]:443", "2001:db8::1"],
    ["is IPv4 in IPv6 form", "10.0.0.1", "::ffff:203.0.113.7", "203.0.113.7"],
    ["is IPv4 in IPv6 form with a hexadecimal tail", "10.0.0.1", "::ffff:cb00:7107", "203.0.113.7"],
    ["is IPv4 in IPv6 form in capitals", "10.0.0.1", "::FFFF:CB00:7107", "203.0.113.7"],
    ["is IPv4 in IPv6 form in full", "10.0.0.1", "0:0:0:0:0:ffff:203.0.113.7", "203.0.113.7"],
    ["is IPv4 in IPv6 form in full and hexadecimal", "10.0.0.1", "0:0:0:0:0:ffff:cb00:7107", "203.0.113.7"],
    ["is IPv4 in IPv6 form with leading zeros", "10.0.0.1", "0000::0000:ffff:cb00:7107", "203.0.113.7"],
    ["is IPv4 in IPv6 form in brackets with a port", "10.0.0.1", "[::ffff:cb00:7107]:443", "203.0.113.7"],
    ["is IPv4 with small bytes in IPv6 form", "10.0.0.1", "::ffff:100:2", "1.0.0.2"],
    ["is IPv6 in one spelling", "10.0.0.1", "2001:0DB8:0:0:0:0:0:1", "2001:db8::1"],
    ["is IPv6 if it only resembles IPv4 in IPv6 form", "10.0.0.1", "1::ffff:cb00:7107", "1::ffff:cb00:7107"],
    ["is read behind a proxy in hexadecimal IPv6 form", "::ffff:a00:1", "203.0.113.7, ::ffff:a00:2", "203.0.113.7"],
    ["is read behind a proxy whose IPv4 address is in IPv6 form", "::ffff:10.0.0.1", "203.0.113.7", "203.0.113.7"],
    ["is read behind a proxy with an IPv6 address", "2001:db8:ffff::1", "203.0.113.7, 2001:db8:ffff::2", "203.0.113.7"],
    ["is read behind a proxy that is trusted by its exact address", "192.0.2.7", "203.0.113.7", "203.0.113.7"],
    ["is the socket's if that is not a trusted proxy", "203.0.113.9", "1.2.3.4", "203.0.113.9"],
    ["is the socket's if that is only near a trusted network", "192.0.2.8", "1.2.3.4", "192.0.2.8"],
    ["is the socket's without the header", "10.0.0.1", null, "10.0.0.1"],
    ["is the socket's with an empty header", "10.0.0.1", "", "10.0.0.1"],
    ["is the socket's if the header contains only proxies", "10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.1"],
    ["is the socket's if the last entry is invalid", "10.0.0.1", "203.0.113.7, unknown", "10.0.0.1"],
    ["is the socket's if a port is invalid", "10.0.0.1", "203.0.113.7:port", "10.0.0.1"],
    ["is the socket's in plain form", "::ffff:203.0.113.9", null, "203.0.113.9"],
  ])("%s", (_, socket, header, client) => {
    expect(proxies.clientOf(socket, header)).toBe(client);
  });

  test("is the socket's if no proxy is trusted", () => {
    expect(new TrustedProxies([]).clientOf("10.0.0.1", "203.0.113.7")).toBe("10.0.0.1");
  });
});

test.each([
  ["10.0.0.0/33"],
  ["10.0.0"],
  ["2001:db8::/129"],
  ["10.0.0.0/"],
  ["10.0.0.0/8/8"],
  ["proxy"],
  ["10.0.0.0/x"],
])("%s is not a valid proxy", (range) => {
  expect(() => new TrustedProxies([range])).toThrow(/^TRUSTED_PROXIES: expected addresses or ranges/);
});

describe("for the limit per address", () => {
  test.each([
    ["203.0.113.7", "203.0.113.7"],
    ["2001:db8:0:1:2:3:4:5", "2001:db8:0:1::/64"],
    ["2001:db8:0:1::9", "2001:db8:0:1::/64"],
    ["2001:0db8:0000:0001::", "2001:db8:0:1::/64"],
    ["2001:db8:0:2::9", "2001:db8:0:2::/64"],
    ["2001:db8::1", "2001:db8:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
    ["1::", "1:0:0:0::/64"],
    ["64:ff9b::1.2.3.4", "64:ff9b:0:0::/64"],
    ["::ffff:cb00:7101", "203.0.113.1"],
    ["::ffff:cb00:7102", "203.0.113.2"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
    ["unknown", "unknown"],
  ])("%s counts as %s", (address, network) => {
    expect(networkOf(address)).toBe(network);
  });
});

describe("a request came over https", () => {
  const proxies = new TrustedProxies(["10.0.0.0/8"]);

  test.each<[Record<string, string>, boolean]>([
    [{ "X-Forwarded-Proto": "https" }, true],
    [{ "X-Forwarded-Proto": "HTTPS, http" }, true],
    [{ "X-Forwarded-Proto": "http" }, false],
    [{ "X-Forwarded-Proto": "http", Forwarded: "proto=https" }, false],
    [{ Forwarded: "for=192.0.2.60;proto=https, for=10.0.0.2" }, true],
    [{ Forwarded: 'for=192.0.2.60;Proto="https"' }, true],
    [{ Forwarded: "for=192.0.2.60" }, false],
    [{}, false],
  ])("if a trusted proxy says so: %j is %p", (headers, expected) => {
    expect(proxies.saysHttps("::ffff:10.0.0.1", new Headers(headers))).toBe(expected);
    expect(proxies.saysHttps("192.0.2.1", new Headers(headers))).toBe(false);
    expect(new TrustedProxies([]).saysHttps("10.0.0.1", new Headers(headers))).toBe(false);
  });
});

describe("the addresses that proxies have recorded", () => {
  const read = (given: Record<string, string>) => forwardedFor(new Headers(given));

  test.each([
    ["for=192.0.2.60;proto=https;by=203.0.113.43", "192.0.2.60"],
    ['For="[2001:db8:cafe::17]:4711", for=192.0.2.43', "[2001:db8:cafe::17]:4711,192.0.2.43"],
    ["proto=https, for=192.0.2.43", ",192.0.2.43"],
    ["for=unknown", "unknown"],
    ['for="_gazonk"', "_gazonk"],
    ["", ""],
  ])("in Forwarded: %s", (header, expected) => {
    expect(read({ Forwarded: header })).toBe(expected);
  });

  test("in X-Forwarded-For win, and no address is invented if there is neither", () => {
    expect(read({ "X-Forwarded-For": "203.0.113.7", Forwarded: "for=192.0.2.1" })).toBe("203.0.113.7");
    expect(read({})).toBeNull();
  });

  test("in several headers are one list, of which only the proxy's own part is trusted", () => {
    const headers = new Headers();
    headers.append("X-Forwarded-For", "1.2.3.4");
    headers.append("X-Forwarded-For", "203.0.113.7:4711");
    expect(new TrustedProxies(["10.0.0.1"]).clientOf("10.0.0.1", forwardedFor(headers))).toBe("203.0.113.7");
  });

  test("that are not addresses are ignored: the client has the address of the socket", () => {
    const proxies = new TrustedProxies(["10.0.0.1"]);
    for (const header of ["for=unknown", "proto=https", "for=_hidden", 'for="'])
      expect(proxies.clientOf("10.0.0.1", read({ Forwarded: header }))).toBe("10.0.0.1");
  });
});
