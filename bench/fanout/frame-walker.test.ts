import { describe, expect, test } from "bun:test";
import { fc } from "../../tests/property.ts";
import { FrameWalker } from "./frame-walker.ts";
import { pieces } from "./pieces.ts";

/** A server's frame (RFC 6455 §5.2), filled with bytes that look like headers. */
function frame(opcode: number, length: number): Buffer {
  const size = Buffer.alloc(length < 126 ? 1 : length < 65_536 ? 3 : 9);
  size[0] = length < 126 ? length : length < 65_536 ? 126 : 127;
  if (size.length === 3) size.writeUInt16BE(length, 1);
  if (size.length === 9) size.writeBigUInt64BE(BigInt(length), 1);
  return Buffer.concat([Buffer.from([0x80 | opcode]), size, Buffer.alloc(length, 0x81)]);
}

const length = fc.oneof(fc.nat(300), fc.constantFrom(0, 125, 126, 127, 65_535, 65_536, 70_000));

describe("FrameWalker", () => {
  test("counts text frames and pings, however the bytes are split", () => {
    const frames = fc.array(fc.record({ opcode: fc.constantFrom(1, 2, 8, 9, 10), length }), { maxLength: 8 });
    fc.assert(
      fc.property(frames, fc.infiniteStream(fc.integer({ min: 1, max: 200 })), (sent, lengths) => {
        const walker = new FrameWalker();
        const counted = { textFrames: 0, pings: 0 };
        for (const piece of pieces(Buffer.concat(sent.map((it) => frame(it.opcode, it.length))), lengths)) {
          const { textFrames, pings } = walker.walk(piece);
          counted.textFrames += textFrames;
          counted.pings += pings;
        }
        const count = (opcode: number) => sent.filter((it) => it.opcode === opcode).length;
        expect(counted).toEqual({ textFrames: count(1), pings: count(9) });
      }),
    );
  });
});
