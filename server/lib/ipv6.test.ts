import { expect, test } from "bun:test";
import { canonicalIpv6, mappedIpv4 } from "./ipv6.ts";

test.each([
  ["::ffff:203.0.113.1", "203.0.113.1"],
  ["::ffff:cb00:7101", "203.0.113.1"],
  ["0:0:0:0:0:ffff:203.0.113.1", "203.0.113.1"],
  ["0:0:0:0:0:FFFF:CB00:7101", "203.0.113.1"],
  ["::ffff:0:0", "0.0.0.0"],
  ["::ffff:ffff:ffff", "255.255.255.255"],
  ["::cb00:7101", undefined],
  ["::ffff:0:cb00:7101", undefined],
  ["1::ffff:cb00:7101", undefined],
  ["64:ff9b::203.0.113.1", undefined],
  ["unknown", undefined],
])("the IPv4 address in %s is %p", (address, expected) => {
  expect(mappedIpv4(address)).toBe(expected);
});

test("an IPv6 address has one spelling", () => {
  for (const spelling of ["2001:DB8::1", "2001:0db8:0:0:0:0:0:1", "2001:db8::0.0.0.1"]) {
    expect(canonicalIpv6(spelling)).toBe("2001:db8::1");
  }
});
