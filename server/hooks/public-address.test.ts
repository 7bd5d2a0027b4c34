import { describe, expect, test } from "bun:test";
import { PublicAddresses, privateAddressIn } from "./public-address.ts";

const addresses = new PublicAddresses();

describe("public addresses", () => {
  test.each([
    "93.184.216.34",
    "8.8.8.8",
    "172.32.0.1",
    "100.128.0.1",
    "2606:4700::1111",
    "::ffff:8.8.8.8",
    "[2a00::1]",
  ])("%s is one", (address) => {
    expect(addresses.has(address)).toBe(true);
  });

  test.each([
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "[::1]",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "0:0:0:0:0:ffff:a00:1",
    "::127.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b::808:808",
    "2002:7f00:1::",
    "2001:0:53aa:64c::1",
    "2001:db8::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%eth0",
    "2606:4700::1%eth0",
    "ff02::1",
    "localhost",
    "",
  ])("%s is none", (address) => {
    expect(addresses.has(address)).toBe(false);
  });
});

test.each([
  ["http://127.0.0.1/x", true],
  ["http://2130706433/", true],
  ["http://0x7f.1/", true],
  ["http://[::ffff:127.0.0.1]/", true],
  ["http://localhost:3000/", true],
  ["http://app.localhost/", true],
  ["https://app.example.com/", false],
  ["https://93.184.216.34/", false],
])("%s names a private address: %p", (url, expected) => {
  expect(privateAddressIn(new URL(url))).toBe(expected);
});
