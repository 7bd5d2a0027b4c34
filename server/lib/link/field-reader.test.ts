import { describe, expect, test } from "bun:test";
import { fc } from "../../../tests/property.ts";
import { FieldReader } from "./field-reader.ts";
import type { FieldWriter } from "./field-writer.ts";
import { headerBytes } from "./frame.ts";
import { Outbox } from "./outbox.ts";

/** Opens a frame with these fields. */
function opened(write: (to: FieldWriter) => void, reader = new FieldReader()): FieldReader {
  const outbox = new Outbox();
  outbox.addText("before");
  write(outbox.begin());
  outbox.end();
  reader.open(Buffer.from(outbox.take()), headerBytes + "before".length + headerBytes);
  return reader;
}

const text = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 200 }),
  fc.constantFrom("", "é", "a".repeat(70_000), "あ".repeat(70_000), "😀\0\n"),
);

describe("FieldReader", () => {
  test("returns the fields that were written, in order", () => {
    const field = fc.oneof(fc.double(), fc.maxSafeInteger(), text, fc.array(text, { maxLength: 4 }));
    fc.assert(
      fc.property(fc.array(field, { maxLength: 10 }), fc.func(fc.boolean()), (sent, isOther) => {
        const reader = opened((to) => {
          for (const it of sent) {
            if (typeof it === "number") to.number(it);
            else if (typeof it === "string") to.text(it);
            else to.texts(it);
          }
        });
        const read = sent.map((it, at) => {
          if (typeof it === "number") return reader.number();
          if (typeof it === "string") return isOther(at) ? reader.knownText() : reader.text();
          return isOther(at) ? reader.texts(it.length) : reader.ownTexts(it.length);
        });
        expect(read).toEqual(sent);
      }),
      { numRuns: 50 },
    );
  });

  test("recognizes known texts among others, and never takes one for another", () => {
    const reader = new FieldReader();
    // "Ã©" has the characters that the bytes of "é" would be as Latin-1.
    const names = ["", "news", "Ã©", "é", "x".repeat(500), ...Array.from({ length: 1000 }, (_, n) => `@user${n}`)];
    for (const name of [...names, ...names.toReversed()]) {
      expect(opened((to) => to.text(name), reader).knownText()).toBe(name);
    }
  });

  test("an unfinished frame is not sent, and does not damage the next one", () => {
    const outbox = new Outbox();
    outbox.begin().text("unfinished".repeat(10_000));
    outbox.begin().text("finished");
    outbox.end();
    const reader = new FieldReader();
    reader.open(outbox.take(), headerBytes);
    expect(reader.text()).toBe("finished");
    expect(outbox.size).toBe(0);
  });
});
