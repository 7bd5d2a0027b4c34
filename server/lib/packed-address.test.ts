import { describe, expect, test } from "bun:test";
import { fc } from "../../tests/property.ts";
import { addressText, packAddress, withoutPort } from "./packed-address.ts";

describe("a packed address", () => {
  test.each(["0.0.0.0", "0.0.0.0:0", "127.0.0.1:52341", "255.255.255.255:65535", "203.0.113.7"])(
    "is a number for %p",
    (text) => {
      const packed = packAddress(text);
      if (typeof packed === "string") throw new Error(`expected a number, got ${packed}`);
      expect([addressText(packed), addressText(withoutPort(packed))]).toEqual([text, text.replace(/:.*/, "")]);
    },
  );

  test.each([
    "",
    "unknown",
    "unknown:0",
    "[2001:db8::1]:443",
    "::1",
    "1.2.3",
    "1.2.3.4.5",
    "1.2.3.4:5:6",
    "1:2.3.4.5",
    "1.2.3.4:",
    "1.2.3.256",
    "01.2.3.4",
    "1.2.3.4:131071",
    "99999999999999999999.1.1.1",
  ])("is the text itself for %p", (text) => {
    expect(packAddress(text)).toBe(text);
  });

  test("is the address again when it is unpacked, whatever it is", () => {
    const part = fc.oneof(fc.nat(300).map(String), fc.constantFrom("", ".", ":", "00", "x", "65536"));
    fc.assert(
      fc.property(fc.array(part, { maxLength: 6 }), fc.constantFrom("", ".", ":"), (parts, separator) => {
        const text = parts.join(separator);
        expect(addressText(packAddress(text))).toBe(text);
      }),
    );
  });
});
