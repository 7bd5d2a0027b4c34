import { describe, expect, test } from "bun:test";
import { fc } from "../tests/property.ts";
import { elementTexts, memberText, memberTexts, onOneLine, withoutEscapes } from "./json-text.ts";

/** White space that JSON allows, between any two tokens. */
const space = fc.string({ unit: fc.constantFrom(" ", "\n", "\r", "\t"), maxLength: 2 });
const string = fc.oneof(
  fc.string({ unit: "binary" }).map((text) => JSON.stringify(text)),
  fc.constantFrom('"\\u0041"', '"\\/\\""', '"\\\\"', '"{[,:"', '"]}"', '"\\ud800"', '"\u2028"'),
);
const scalar = fc.oneof(
  string,
  fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }).map(String),
  fc.constantFrom("true", "false", "null", "-0", "1e400", "0.10000000000000000001", "1E+2"),
);
/** JSON as another encoder may write it: any spacing, long numbers, escapes, repeated members. */
const { value: jsonText } = fc.letrec<{ value: string; array: string; object: string }>((tie) => ({
  value: fc.oneof({ maxDepth: 5 }, scalar, tie("array"), tie("object")),
  array: fc
    .tuple(space, fc.array(around(tie("value")), { maxLength: 4 }))
    .map(([gap, items]) => `[${items.join() || gap}]`),
  object: fc
    .tuple(space, fc.array(fc.tuple(around(string), around(tie("value"))), { maxLength: 4 }))
    .map(([gap, members]) => `{${members.map((member) => member.join(":")).join() || gap}}`),
}));

function around(text: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.tuple(space, text, space).map((parts) => parts.join(""));
}

describe("memberTexts", () => {
  test("returns the exact text of every value", () => {
    const members = fc.uniqueArray(fc.tuple(fc.string({ unit: "binary" }), jsonText), { selector: ([key]) => key });
    fc.assert(
      fc.property(members, space, space, (pairs, before, after) => {
        const inner = pairs.map(([key, text]) => `${before}${JSON.stringify(key)}${after}:${before}${text}${after}`);
        const object = `${after}{${inner.join() || before}}${before}`;
        expect(Array.from(memberTexts(object))).toEqual(pairs);
      }),
    );
  });

  test("finds the same members as JSON.parse", () => {
    fc.assert(
      fc.property(
        jsonText.filter((text) => text.startsWith("{")),
        (text) => {
          const parsed: Record<string, unknown> = JSON.parse(text);
          const members = memberTexts(text);
          expect(new Set(members.keys())).toEqual(new Set(Object.keys(parsed)));
          for (const [key, member] of members) expect(JSON.parse(member)).toEqual(parsed[key]);
        },
      ),
    );
  });

  test.each([
    ["a 64-bit number", '{"data":9223372036854775807}', "9223372036854775807"],
    ["unusual spacing", '{ "data" : {"a" :  [1 ,2]}  }', '{"a" :  [1 ,2]}'],
    ["an escaped quote", '{"data":"say \\"hi\\" }"}', '"say \\"hi\\" }"'],
    ["a backslash at the end of a string", '{"data":"c:\\\\","x":1}', '"c:\\\\"'],
    ["an escaped backslash before an escaped quote", '{"data":"a\\\\\\",b","x":1}', '"a\\\\\\",b"'],
    ["repeated members inside a value", '{"data":{"a":1,"a":2}}', '{"a":1,"a":2}'],
    ["an escaped name", '{"d\\u0061ta":1}', "1"],
    ["a repeated name: the last one counts, as in JSON.parse", '{"data":1,"data":2}', "2"],
    ["the same name deeper inside", '{"x":{"data":1},"data":2}', "2"],
    ["no data", '{"x":1}', undefined],
    ["nothing", "{ }", undefined],
  ])("handles %s", (_, text, data) => {
    expect(memberTexts(text).get("data")).toBe(data);
  });
});

describe("elementTexts", () => {
  test("returns the exact text of every element", () => {
    fc.assert(
      fc.property(fc.array(jsonText), space, space, (elements, before, after) => {
        const array = `${before}[${elements.map((text) => before + text + after).join() || before}]${after}`;
        expect(elementTexts(array)).toEqual(elements);
      }),
    );
  });
});

describe("memberText", () => {
  test("finds the same text as memberTexts, for names with escapes and repeated names too", () => {
    fc.assert(
      fc.property(
        jsonText.filter((text) => text.startsWith("{")),
        (text) => {
          const members = memberTexts(text);
          for (const [name, member] of members) expect(memberText(text, name)).toBe(member);
          expect(memberText(text, "absent\u0000")).toBe(members.get("absent\u0000"));
        },
      ),
    );
  });

  test.each([
    ["the last of several", '{"data":1,"data":2}', "2"],
    ["a name with escapes", '{"d\\u0061ta":1}', "1"],
    ["a name after spaces and line breaks", ' \n{ "data" : 1 }', "1"],
    ["not a longer name", '{"data2":1}', undefined],
    ["not a name in a value", '{"a":{"data":1},"b":"\\"data\\":1"}', undefined],
  ])("finds %s", (_, text, member) => {
    expect(memberText(text, "data")).toBe(member);
  });
});

describe("onOneLine", () => {
  test("removes line breaks and keeps the value", () => {
    fc.assert(
      fc.property(jsonText, (text) => {
        expect(onOneLine(text)).not.toMatch(/[\r\n]/);
        expect(JSON.parse(onOneLine(text))).toEqual(JSON.parse(text));
      }),
    );
  });

  test("changes nothing if there is no line break", () => {
    expect(onOneLine('{"a" :\t"\u2028"}')).toBe('{"a" :\t"\u2028"}');
    expect(onOneLine('{\r\n"a":\n\n1}')).toBe('{ "a": 1}');
  });
});

describe("withoutEscapes", () => {
  test("keeps the value of any escaped text, and is as short as the output of JSON.stringify", () => {
    const escaped = (text: string) =>
      [...Array(text.length).keys()].map((at) => unitEscape(text.charCodeAt(at))).join("");
    const anyText = fc.string({ unit: "binary" });
    const halves = fc.string({ unit: fc.constantFrom("\ud83d", "\ude00", "\\", '"', "u", "0041", "\u0007") });
    fc.assert(
      fc.property(fc.oneof(anyText, halves), (text) => {
        const plain = withoutEscapes(`{"${escaped(text)}":["${escaped(text)}"]}`);
        expect(JSON.parse(plain)).toEqual({ [text]: [text] });
        if (text.isWellFormed() && !/["\\\p{Cc}\p{Zl}\p{Zp}]/u.test(text)) {
          expect(plain).toBe(JSON.stringify({ [text]: [text] }));
        }
      }),
    );
  });

  test.each([
    ["an emoji as written by Python's json.dumps", '"\\ud83d\\ude00"', '"\u{1f600}"'],
    ["a letter", '"\\u00E4"', '"ä"'],
    ["an escaped backslash before text that looks like an escape", '"\\\\u0041"', '"\\\\u0041"'],
    ["half of a surrogate pair", '"\\ud83d!"', '"\\ud83d!"'],
    ["half of a surrogate pair before a whole one", '"\\ud83d\\ud83d\\ude00"', '"\\ud83d\u{1f600}"'],
    ["a quote and a control character", '"\\u0022\\u0000"', '"\\u0022\\u0000"'],
    ["a line separator", '"\\u2028"', '"\\u2028"'],
    ["a paragraph separator", '"\\u2029"', '"\\u2029"'],
  ])("handles %s", (_, text, plain) => {
    expect(withoutEscapes(text)).toBe(plain);
  });
});

function unitEscape(unit: number): string {
  return `\\u${unit.toString(16).padStart(4, "0")}`;
}
