import { describe, expect, test } from "bun:test";
import { fc } from "../tests/property.ts";
import { type ChannelName, parseChannelName, userChannel } from "./channel-name.ts";
import { limits } from "./limits.ts";
import {
  type Cursor,
  cursorPrefix,
  formatCursor,
  type Position,
  parseCursor,
  parsePosition,
  parseSince,
} from "./position.ts";

const epochAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
const position: fc.Arbitrary<Position> = fc.record({
  epoch: fc.string({ unit: fc.constantFrom(...epochAlphabet), minLength: 1, maxLength: 64 }),
  offset: fc.maxSafeNat(),
});
const channel = fc.oneof(
  fc
    .stringMatching(/^[A-Za-z0-9_=,.;:/-]{1,40}$/)
    .filter((text) => text !== "." && text !== "..")
    .map(channelNamed),
  fc
    .string({ unit: "grapheme", minLength: 1, maxLength: 20 })
    .filter((id) => parseChannelName(`@${id}`) !== undefined)
    .map(userChannel),
);

function channelNamed(text: string): ChannelName {
  const name = parseChannelName(text);
  if (name === undefined) throw new Error(`no channel name: ${text}`);
  return name;
}

/** A cursor of exactly this many bytes, with the longest names that are allowed. */
function cursorOf(bytes: number): string {
  const parts: string[] = [];
  for (let left = bytes, at = 0; left > 0; at++) {
    const tail = `${String(at).padStart(3, "0")}~e~1`;
    const length = left <= 230 ? left : Math.min(left - 30, 200);
    parts.push("r".repeat(length - tail.length) + tail);
    left -= length + 1;
  }
  return parts.join(",");
}

describe("a cursor", () => {
  test("survives a round trip", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(channel, position), { minLength: 1, maxLength: 8 }), (entries) => {
        const cursor: Cursor = new Map(entries);
        const text = formatCursor(cursor);
        expect(parseCursor(text)).toEqual(text.length > limits.cursorBytes ? undefined : cursor);
      }),
    );
  });

  test("uses only characters that are safe in a header and a query", () => {
    fc.assert(
      fc.property(channel, position, (name, at) => expect(formatCursor(new Map([[name, at]]))).toMatch(/^[!-~]+$/)),
    );
  });

  test("looks as the protocol page shows it", () => {
    const cursor = new Map([
      [channelNamed("all"), { epoch: "k3x9", offset: 17 }],
      [channelNamed("room:1"), { epoch: "q71m", offset: 4 }],
    ]);
    expect(formatCursor(cursor)).toBe("all~k3x9~17,room%3A1~q71m~4");
  });

  test("distinguishes names that contain its separators", () => {
    expect(cursorPrefix(channelNamed("a,b"), "e")).toBe("a%2Cb~e~");
    expect(cursorPrefix(userChannel("~,%"), "e")).toBe("%40%7E%2C%25~e~");
  });

  test("uses the last entry of a repeated channel", () => {
    expect(parseCursor("all~a~1,room~b~2,all~c~3")).toEqual(
      new Map([
        [channelNamed("all"), { epoch: "c", offset: 3 }],
        [channelNamed("room"), { epoch: "b", offset: 2 }],
      ]),
    );
  });

  test("is accepted at its maximum length and rejected one byte past it", () => {
    expect(cursorOf(limits.cursorBytes)).toHaveLength(limits.cursorBytes);
    expect(parseCursor(cursorOf(limits.cursorBytes))?.size).toBeGreaterThan(20);
    expect(cursorOf(limits.cursorBytes + 1)).toHaveLength(limits.cursorBytes + 1);
    expect(parseCursor(cursorOf(limits.cursorBytes + 1))).toBeUndefined();
  });

  test("is measured in bytes even if a proxy decoded the percent-encoding of a name", () => {
    const bytes = (text: string) => new TextEncoder().encode(text).length;
    const fits = `${Array(29)
      .fill(`@${"é".repeat(66)}~e~12`)
      .join(",")},${"r".repeat(61)}~e~1`;
    expect(bytes(fits)).toBe(limits.cursorBytes);
    expect(parseCursor(fits)?.size).toBe(2);
    expect(parseCursor(`${fits}0`)).toBeUndefined();
  });

  test.each([
    ["nothing", ""],
    ["a name alone", "all"],
    ["no offset", "all~e"],
    ["an empty offset", "all~e~"],
    ["an empty epoch", "all~~1"],
    ["an empty name", "~e~1"],
    ["four parts", "all~e~1~2"],
    ["an empty entry", "all~e~1,"],
    ["a broken percent-encoding", "%zz~e~1"],
    ["half of a character, percent-encoded", "%40%C3~e~1"],
    ["a name that is not allowed", "a%20b~e~1"],
    ["an epoch with a character that is not allowed", "all~e.e~1"],
    ["an epoch that is too long", `all~${"e".repeat(65)}~1`],
    ["an offset with a sign", "all~e~-1"],
    ["an offset with leading zeros", "all~e~01"],
    ["a broken number", "all~e~1.5"],
    ["a number written with an exponent", "all~e~1e3"],
    ["an offset beyond the safe integers", "all~e~9007199254740992"],
  ])("is rejected with %s", (_, text) => {
    expect(parseCursor(text)).toBeUndefined();
  });

  test("is decoded or rejected for any text, and never throws", () => {
    const nearly = fc.string({ unit: fc.constantFrom("a", "~", ",", "%", "4", "0", "é", "\ud800") });
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "binary" }), nearly), (text) => {
        const cursor = parseCursor(text);
        expect(cursor && parseCursor(formatCursor(cursor))).toEqual(cursor);
      }),
    );
  }, 60_000); // the first text of a process with any character takes seconds on a busy machine
});

describe("parsePosition", () => {
  test("accepts every epoch and offset that a server can assign", () => {
    fc.assert(fc.property(position, (at) => expect(parsePosition({ ...at, more: 1 })).toEqual(at)));
  });

  test.each([
    ["the first offset", { epoch: "e", offset: 0 }, true],
    ["the largest offset", { epoch: "e", offset: Number.MAX_SAFE_INTEGER }, true],
    ["an offset past the largest", { epoch: "e", offset: Number.MAX_SAFE_INTEGER + 1 }, false],
    ["an offset below zero", { epoch: "e", offset: -1 }, false],
    ["a fractional offset", { epoch: "e", offset: 0.5 }, false],
    ["an offset as a string", { epoch: "e", offset: "1" }, false],
    ["the longest epoch", { epoch: "e".repeat(64), offset: 1 }, true],
    ["an epoch one character too long", { epoch: "e".repeat(65), offset: 1 }, false],
    ["an empty epoch", { epoch: "", offset: 1 }, false],
    ["no epoch", { offset: 1 }, false],
    ["no offset", { epoch: "e" }, false],
    ["null", null, false],
    ["a string", "e~1", false],
  ])("accepts or rejects %s", (_, value, accepted) => {
    expect(parsePosition(value) !== undefined).toBe(accepted);
  });
});

describe("parseSince", () => {
  test.each([
    ["earliest", { from: "earliest" }],
    ["250ms", { from: "age", ms: 250 }],
    ["5s", { from: "age", ms: 5000 }],
    ["2m", { from: "age", ms: 120_000 }],
    ["3h", { from: "age", ms: 10_800_000 }],
    ["1d", { from: "age", ms: 86_400_000 }],
    ["999999999ms", { from: "age", ms: 999_999_999 }],
    ["last:1", { from: "last", count: 1 }],
    [`last:${limits.lastLimit}`, { from: "last", count: limits.lastLimit }],
  ] as const)("parses %s", (word, since) => {
    expect(parseSince(word)).toEqual(since);
  });

  test.each([
    "",
    "latest",
    "Earliest",
    "2",
    "2 m",
    "-2m",
    "1.5h",
    "2w",
    "1000000000ms",
    "last:",
    "last:-1",
    `last:${limits.lastLimit + 1}`,
    "last:100000",
    "earliest\n",
  ])("rejects %p", (word) => {
    expect(parseSince(word)).toBeUndefined();
  });
});
