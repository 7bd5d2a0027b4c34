import { describe, expect, test } from "bun:test";
import { fc } from "../../tests/property.ts";
import { MessageCounter } from "./message-counter.ts";
import { pieces } from "./pieces.ts";

const message = '{"type":"message"';

describe("MessageCounter", () => {
  test("counts every message once, however the bytes are split", () => {
    const noise = fc.constantFrom(
      "",
      "{",
      '{"ty',
      '{"type":"message',
      '"',
      "x",
      "[{",
      'data: {"type":"advance"}',
      "\n\n",
    );
    const parts = fc.array(fc.oneof(noise, fc.constant(message)), { maxLength: 12 });
    fc.assert(
      fc.property(parts, fc.infiniteStream(fc.integer({ min: 1, max: 20 })), (sent, lengths) => {
        const bytes = Buffer.from(sent.join(""));
        const counter = new MessageCounter();
        let count = 0;
        for (const piece of pieces(bytes, lengths)) count += counter.count(piece);
        expect(count).toBe(bytes.toString().split(message).length - 1);
      }),
      { numRuns: 2000 },
    );
  });
});
