import { describe, expect, test } from "bun:test";
import { isJson } from "../tests/is-json.ts";
import { fc } from "../tests/property.ts";
import { JsonCheck } from "./json-check.ts";

describe("JsonCheck", () => {
  test("accepts what JSON.parse accepts, and nothing else", () => {
    fc.assert(
      fc.property(nearlyJson, (text) => {
        expect([text, isAccepted(text)]).toEqual([text, isJson(text)]);
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    ..."0 -0 -1 1.5 1e5 1E-5 1.0e+10 9007199254740993 1e400 true false null [] {} [[]] [1,2]".split(" "),
    ...[
      '"\\u00e9\\n\\/"',
      '"\u2028\u007f"',
      '"\ud800"',
      ' \t\r\n{ "a" : [ 1 , {"a":2,"a":3} ] } \n',
      `"${"x".repeat(99)}\\""`,
    ],
  ])("accepts %j", (text) => {
    expect([isAccepted(text), isJson(text)]).toEqual([true, true]);
  });

  test.each([
    ...'01 +1 .5 1. 1e 1e+ - -a NaN Infinity tru nulll [1,] [,1] [1 {1:2} {a:1} {} {"a"} {"a":} {"a":1,} 1,2'
      .split(" ")
      .filter((it) => it !== "{}"),
    ...[
      "",
      " ",
      '"',
      '"\\"',
      '"\\x"',
      '"\\u12g4"',
      '"a\nb"',
      "'a'",
      "\ufeff1",
      "\u00a01",
      "[1]]",
      '{"a":1}}',
      `"${"x".repeat(99)}\n"`,
    ],
  ])("refuses %j", (text) => {
    expect([isAccepted(text), isJson(text)]).toEqual([false, false]);
  });

  test("refuses more levels than allowed, however many there are", () => {
    for (const [open, close] of [
      ["[", "]"],
      ['{"a":', "}"],
    ] as const) {
      const nested = (levels: number) => `${open.repeat(levels)}1${close.repeat(levels)}`;
      expect(() => new JsonCheck(nested(5), 5).whole()).not.toThrow();
      expect(() => new JsonCheck(nested(6), 5).whole()).toThrow(RangeError);
      expect(() => new JsonCheck(open.repeat(1_000_000), 5).whole()).toThrow(RangeError);
    }
    expect(() => new JsonCheck("[[],[[]],{}]", 3).whole()).not.toThrow();
  });
});

/** JSON with a few characters removed, repeated or inserted. */
const nearlyJson = fc
  .tuple(
    fc.json({ maxDepth: 3 }),
    fc.array(
      fc.tuple(
        fc.nat(60),
        fc.nat(3),
        fc.constantFrom("", "", '"', "\\", "\\u", ",", ":", "[", "]", "{", "}", "0", "-", ".", "e", "\n", " ", "t"),
      ),
      { maxLength: 2 },
    ),
  )
  .map(([text, changes]) =>
    changes.reduce((it, [at, length, by]) => it.slice(0, at) + by + it.slice(at + length), text),
  );

function isAccepted(text: string): boolean {
  try {
    new JsonCheck(text, 100).whole();
    return true;
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}
