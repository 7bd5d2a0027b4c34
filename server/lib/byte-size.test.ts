import { describe, expect, test } from "bun:test";
import { formatByteSize, parseByteSize } from "./byte-size.ts";

describe("a byte size", () => {
  test.each([
    [65_536, 65_536],
    ["65536", 65_536],
    ["64KiB", 65_536],
    ["64 kib", 65_536],
    ["500kB", 500_000],
    ["1.5MiB", 1_572_864],
    ["1GiB", 1_073_741_824],
    ["0", 0],
  ])("%p is %d", (written, bytes) => {
    expect(parseByteSize(written)).toBe(bytes);
  });

  test.each([["much"], ["-1"], [""], ["1.5"], ["64K"], ["1TiB"], [0.5], [true], [null]])("%p is invalid", (written) => {
    expect(parseByteSize(written)).toBeUndefined();
  });

  test.each([
    [0, "0"],
    [1000, "1000"],
    [65_536, "64KiB"],
    [1_048_577, "1048577"],
    [268_435_456, "256MiB"],
  ])("of %d is written as %s, and parsed back", (bytes, written) => {
    expect(formatByteSize(bytes)).toBe(written);
    expect(parseByteSize(written)).toBe(bytes);
  });
});
