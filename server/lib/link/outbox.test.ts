import { describe, expect, test } from "bun:test";
import { fc } from "../../../tests/property.ts";
import { encodeFrame } from "./frame.ts";
import { Outbox } from "./outbox.ts";

describe("Outbox", () => {
  test("writes the queued frames, however little the socket accepts at once", () => {
    const step = fc.oneof(
      fc.string({ unit: "grapheme", maxLength: 3000 }),
      fc.constantFrom("é".repeat(30_000), "x".repeat(70_000), "あ".repeat(70_000)),
      fc.nat(50_000),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const outbox = new Outbox();
        const written: Buffer[] = [];
        const expected: Buffer[] = [];
        const write = (limit: number) => (bytes: Buffer, from: number, to: number) => {
          const end = Math.min(to, from + limit);
          written.push(Buffer.from(bytes.subarray(from, end)));
          return end - from;
        };
        for (const it of steps) {
          if (typeof it === "number") {
            outbox.writeTo(write(it));
            continue;
          }
          expected.push(encodeFrame(it));
          if (it.length % 3 === 0) outbox.addText(it);
          else if (it.length % 3 === 1) outbox.addFrame(encodeFrame(it));
          else {
            const written = new Outbox();
            written.begin().text(it);
            written.end();
            expected[expected.length - 1] = Buffer.from(written.take());
            outbox.begin().text(it);
            outbox.end();
          }
        }
        const all = Buffer.concat(expected);
        expect(outbox.size).toBe(all.length - Buffer.concat(written).length);
        outbox.writeTo(write(Number.POSITIVE_INFINITY));
        expect(Buffer.concat(written).equals(all)).toBe(true);
        expect(outbox.size).toBe(0);
      }),
      { numRuns: 50 },
    );
  });

  test("offers all queued frames in one write, and writes nothing if the queue is empty", () => {
    const outbox = new Outbox();
    const offers: number[] = [];
    const write = (_: Buffer, from: number, to: number) => {
      offers.push(to - from);
      return to - from;
    };
    for (let count = 0; count < 1000; count++) outbox.addText("x");
    outbox.writeTo(write);
    outbox.writeTo(write);
    expect(offers).toEqual([5000]);
  });
});
