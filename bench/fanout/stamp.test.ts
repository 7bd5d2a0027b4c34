import { describe, expect, test } from "bun:test";
import { fc } from "../../tests/property.ts";
import { pieces } from "./pieces.ts";
import { nowUs, StampReader, stampedText } from "./stamp.ts";

describe("a stamp", () => {
  test("makes a text of the requested length", () => {
    expect(stampedText(1_795_246_805_141_042, 100)).toMatch(/^t=1795246805141042;x+$/);
    expect(stampedText(1_795_246_805_141_042, 100)).toHaveLength(100);
  });

  test("has as many digits as today's clock", () => {
    expect(String(nowUs())).toHaveLength(16);
  });

  test("is read once, however the bytes are split", () => {
    const stamp = fc.integer({ min: 1_000_000_000_000_000, max: Number.MAX_SAFE_INTEGER });
    const around = fc.constantFrom("", "t", "t=", "t=1;", '"message":"', "offset=", "t=t=");
    const sent = fc.array(fc.tuple(around, stamp, fc.integer({ min: 19, max: 60 })));
    fc.assert(
      fc.property(sent, fc.infiniteStream(fc.integer({ min: 1, max: 40 })), (messages, lengths) => {
        const text = messages.map(([before, due, length]) => before + stampedText(due, length)).join("");
        const reader = new StampReader();
        const read = Array.from(pieces(Buffer.from(text), lengths), (piece) => reader.read(piece)).flat();
        expect(read).toEqual(messages.map(([, due]) => due));
      }),
    );
  });
});
