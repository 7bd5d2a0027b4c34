import { describe, expect, test } from "bun:test";
import { fc } from "../../tests/property.ts";
import { formatTraceparent, isSampled, parseTraceparent } from "./traceparent.ts";

const [trace, span] = ["0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"];

describe("a traceparent", () => {
  test.each([
    ["of a recorded trace", `00-${trace}-${span}-01`, 1],
    ["of a trace that is not recorded", `00-${trace}-${span}-00`, 0],
    ["with further flags", `00-${trace}-${span}-03`, 1],
    ["with spaces around it", ` 00-${trace}-${span}-01 `, 1],
    ["of a later version with more fields", `cc-${trace}-${span}-01-more`, 1],
  ])("%s is parsed", (_, text, traceFlags) => {
    expect(parseTraceparent(text)).toEqual({ traceId: trace, spanId: span, traceFlags, isRemote: true });
  });

  test.each([
    ["nothing", null],
    ["an empty text", ""],
    ["another text", "yes"],
    ["a trace id of zeros", `00-${"0".repeat(32)}-${span}-01`],
    ["a span id of zeros", `00-${trace}-${"0".repeat(16)}-01`],
    ["a short trace id", `00-${trace.slice(1)}-${span}-01`],
    ["capital letters", `00-${trace.toUpperCase()}-${span}-01`],
    ["the forbidden version", `ff-${trace}-${span}-01`],
    ["version 00 with more fields", `00-${trace}-${span}-01-more`],
    ["missing flags", `00-${trace}-${span}`],
    ["two of them", `00-${trace}-${span}-01, 00-${trace}-${span}-01`],
  ])("%s is ignored", (_, text) => {
    expect(parseTraceparent(text)).toBeUndefined();
  });

  test("is the same after formatting and parsing", () => {
    const hex = (length: number) => fc.stringMatching(new RegExp(`^[0-9a-f]{${length - 1}}[1-9a-f]$`));
    fc.assert(
      fc.property(hex(32), hex(16), fc.constantFrom(0, 1), (traceId, spanId, traceFlags) => {
        const context = { traceId, spanId, traceFlags, isRemote: true };
        expect(parseTraceparent(formatTraceparent(context))).toEqual(context);
        expect(isSampled(context)).toBe(traceFlags === 1);
      }),
    );
  });
});
