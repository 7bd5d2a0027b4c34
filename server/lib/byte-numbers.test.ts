import { expect, test } from "bun:test";
import { readFloat64, readUint32, writeFloat64, writeUint32 } from "./byte-numbers.ts";

test.each([0, 1, 255, 256, 0x80000000, 0xffffffff])(
  "reads %d as it was written, without touching other bytes",
  (value) => {
    const bytes = new Uint8Array(6).fill(7);
    writeUint32(bytes, 1, value);
    expect([readUint32(bytes, 1), bytes[0], bytes[5]]).toEqual([value, 7, 7]);
  },
);

test.each([0, -0.5, 1_764_345_600_123, 17.25, Number.MAX_VALUE, Number.NEGATIVE_INFINITY])(
  "reads %d as well",
  (value) => {
    const bytes = new Uint8Array(10).fill(7);
    writeFloat64(bytes, 1, value);
    expect([readFloat64(bytes, 1), bytes[0], bytes[9]]).toEqual([value, 7, 7]);
  },
);
