import { describe, expect, test } from "bun:test";
import { fc } from "../../../tests/property.ts";
import { encodeFrame } from "./frame.ts";
import { FrameReader } from "./frame-reader.ts";
import { Outbox } from "./outbox.ts";

function readAll(chunks: readonly Buffer[], maxBytes = 1_000_000): string[] {
  const texts: string[] = [];
  const reader = new FrameReader(maxBytes, (bytes, from, to) => texts.push(bytes.toString("utf8", from, to)));
  for (const chunk of chunks) reader.push(chunk);
  return texts;
}

describe("FrameReader", () => {
  test("returns the framed texts, however the stream was split", () => {
    const texts = fc.array(fc.string({ unit: "grapheme", maxLength: 40 }), { maxLength: 20 });
    fc.assert(
      fc.property(texts, fc.infiniteStream(fc.integer({ min: 1, max: 30 })), (sent, lengths) => {
        const bytes = Buffer.concat(sent.map(encodeFrame));
        const chunks: Buffer[] = [];
        for (let at = 0; at < bytes.length; ) {
          const length = lengths.next().value ?? 1;
          chunks.push(bytes.subarray(at, at + length));
          at += length;
        }
        expect(readAll(chunks)).toEqual(sent);
      }),
    );
  });

  test("tells frames with fields from texts, wherever the stream was split", () => {
    const outbox = new Outbox();
    outbox.addText("text");
    outbox.begin().text("fields");
    outbox.end();
    outbox.begin();
    outbox.end();
    outbox.addText("");
    const sent = outbox.take();
    for (const step of [1, 3, 1000]) {
      const kinds: boolean[] = [];
      const reader = new FrameReader(100, (...[, , , hasFields]) => kinds.push(hasFields));
      for (let at = 0; at < sent.length; at += step) reader.push(sent.subarray(at, at + step));
      expect(kinds).toEqual([false, true, true, false]);
    }
  });

  test("keeps no part of a chunk that its owner overwrites afterwards", () => {
    const texts: string[] = [];
    const reader = new FrameReader(100, (bytes, from, to) => texts.push(bytes.toString("utf8", from, to)));
    const frame = encodeFrame("hello");
    const chunk = Buffer.alloc(1);
    for (const byte of frame) {
      chunk[0] = byte;
      reader.push(chunk);
    }
    expect(texts).toEqual(["hello"]);
  });

  test.each([
    ["as long as allowed", 5, ["12345"]],
    ["longer", 4, "a frame of 5 bytes, expected at most 4"],
  ])("accepts or rejects a text that is %s", (_, maxBytes, outcome) => {
    const read = () => readAll([encodeFrame("12345")], maxBytes);
    if (typeof outcome === "string") expect(read).toThrow(outcome);
    else expect(read()).toEqual(outcome);
  });

  test("rejects a frame that is too long as soon as it has its header", () => {
    expect(() => readAll([Buffer.from([0xff, 0xff, 0xff, 0xff])])).toThrow("a frame of 2147483647 bytes");
  });

  test("returns nothing more once it is stopped, not even from the same chunk", () => {
    const texts: string[] = [];
    const reader = new FrameReader(100, (bytes, from, to) => {
      texts.push(bytes.toString("utf8", from, to));
      reader.stop();
    });
    reader.push(Buffer.concat([encodeFrame("first"), encodeFrame("second")]));
    expect(texts).toEqual(["first"]);
  });
});
