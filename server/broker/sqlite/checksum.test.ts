import { describe, expect, test } from "bun:test";
import { fc } from "../../../tests/property.ts";
import { checksumOf, checksumOfAll, checksumOfNumbers } from "./checksum.ts";

describe("checksums", () => {
  // Files outlive versions: these numbers must never change.
  test("are the same in every version", () => {
    expect(checksumOf("123456789")).toBe(0xcbf43926);
    expect(checksumOfAll(1, null, "a")).toBe(checksumOf("1\n\na"));
    expect(checksumOfNumbers([1, 2, 1_795_885_959_107, -1])).toBe(4248087941);
  });

  test("of numbers change with each bit of each number", () => {
    const numbers = fc.array(fc.maxSafeInteger(), { minLength: 1, maxLength: 7 });
    fc.assert(
      fc.property(numbers, fc.nat(6), fc.nat(52), (before, at, bit) => {
        const index = at % before.length;
        const after = before.map((number, its) => (its === index ? flip(number, bit) : number));
        expect(checksumOfNumbers(after)).not.toBe(checksumOfNumbers(before));
      }),
    );
  });

  test.each([1.5, Number.NaN, 2 ** 53, "1", null])("of values that are not integers equal nothing: %p", (it) => {
    expect(checksumOfNumbers([1, it as never])).toBeNaN();
  });
});

function flip(number: number, bit: number): number {
  const isSet = Math.floor(Math.abs(number) / 2 ** bit) % 2 === 1;
  return (Math.abs(number) + (isSet ? -1 : 1) * 2 ** bit) * (number < 0 ? -1 : 1);
}
