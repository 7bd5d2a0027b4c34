import { describe, expect, test } from "bun:test";
import { fc } from "../tests/property.ts";
import {
  channelNameRuleFor,
  everyone,
  isServerChannel,
  parseChannelName,
  parseUserId,
  userChannel,
  userIdRuleFor,
  userOf,
} from "./channel-name.ts";
import { limits } from "./limits.ts";

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-=@,.;:/";

describe("parseChannelName", () => {
  test("accepts every character of its alphabet", () => {
    expect<string | undefined>(parseChannelName(`x${alphabet}`)).toBe(`x${alphabet}`);
    expect(parseChannelName(everyone)).toBe(everyone);
  });

  test("rejects every ASCII character outside its alphabet", () => {
    const others = Array.from({ length: 128 }, (_, code) => String.fromCharCode(code)).filter(
      (char) => !alphabet.includes(char),
    );
    expect(others.filter((char) => parseChannelName(`room${char}`) !== undefined)).toEqual([]);
    expect(others.filter((char) => parseChannelName(`${char}room`) !== undefined)).toEqual([]);
  });

  test.each([
    ["one character", "r", true],
    ["the maximum number of characters", "r".repeat(limits.channelNameLength), true],
    ["one character too many", "r".repeat(limits.channelNameLength + 1), false],
    ["no character", "", false],
    ["a letter outside ASCII", "straße", false],
    ["a trailing line break", "room\n", false],
    ["the star of patterns", "room:*", false],
    ["a server's own name", "#members", false],
    ["another of the server's own names", "$schedule", false],
    ["an @ and no user", "@", false],
    ["a personal channel with the longest user ID", `@${"u".repeat(limits.userIdLength)}`, true],
    ["a personal channel with a user ID that is too long", `@${"u".repeat(limits.userIdLength + 1)}`, false],
    ["a personal channel with letters that plain channels may not have", "@Zoë Müller ☃", true],
    ["a personal channel with a control character", "@u\u0007", false],
    ["one dot, which a URL treats as a folder", ".", false],
    ["two dots, which a URL treats as the parent folder", "..", false],
    ["three dots", "...", true],
    ["dots among other characters", "a/../b", true],
    ["the personal channel of a dot", "@.", false],
  ])("accepts or rejects a name with %s", (_, name, accepted) => {
    expect(parseChannelName(name) !== undefined).toBe(accepted);
  });

  test.each([[undefined], [null], [7], [true], [{}], [["all"]]])("rejects %p, which is not a string", (value) => {
    expect(parseChannelName(value)).toBeUndefined();
  });

  test("never changes a name that it accepts", () => {
    const name = fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: fc.constantFrom(...alphabet) }));
    fc.assert(fc.property(name, (text) => expect([text, undefined]).toContain(parseChannelName(text) as string)));
  }, 60_000); // the first text of a process with any character takes seconds on a busy machine

  test("rejects the server's reserved names", () => {
    fc.assert(
      fc.property(fc.constantFrom("#", "$"), fc.string(), (sign, rest) => {
        expect(isServerChannel(sign + rest)).toBe(true);
        expect(parseChannelName(sign + rest)).toBeUndefined();
      }),
    );
  });
});

describe("parseUserId", () => {
  test.each([
    ["one character", "u", true],
    ["the maximum number of characters", "u".repeat(limits.userIdLength), true],
    ["one character too many", "u".repeat(limits.userIdLength + 1), false],
    ["no character", "", false],
    ["spaces, symbols and letters of any script", "Zoë ~ 山田 😀 @#$%", true],
    ["half of a surrogate pair", "u\ud83d", false],
    ["one dot", ".", false],
    ["two dots", "..", false],
    ["three dots", "...", true],
    ["the other half of a surrogate pair", "\ude00u", false],
  ])("accepts or rejects an ID with %s", (_, id, accepted) => {
    expect(parseUserId(id)).toBe(accepted ? id : undefined);
  });

  test("rejects every control character and both Unicode line separators", () => {
    const controls = [...Array(0x20).keys(), ...Array.from({ length: 0x21 }, (_, at) => 0x7f + at), 0x2028, 0x2029];
    expect(controls.filter((code) => parseUserId(`u${String.fromCharCode(code)}`) !== undefined)).toEqual([]);
  });

  test.each([[undefined], [null], [42], [{}], [[]]])("rejects %p, which is not a string", (value) => {
    expect(parseUserId(value)).toBeUndefined();
  });
});

describe("userChannel", () => {
  test("returns a name that clients may use, and from which the user ID can be read", () => {
    const userId = fc
      .string({ unit: "binary", minLength: 1, maxLength: limits.userIdLength })
      .filter((text) => parseUserId(text) !== undefined);
    fc.assert(
      fc.property(userId, (id) => {
        expect(parseChannelName(userChannel(id))).toBe(userChannel(id));
        expect(userOf(userChannel(id))).toBe(id);
      }),
    );
  });

  test.each(["all", "room:@u1", "", "@"])("finds no user in %p", (channel) => {
    expect(userOf(channel)).toBeUndefined();
  });
});

describe("the rule in an error says what is wrong with", () => {
  test.each([
    ["room:*", /the name of one channel: patterns with \* are for tokens/],
    ["#x", /does not begin with # or \$: such names are reserved/],
    ["$x", /reserved for the server/],
    [".", /which no URL can contain/],
    ["@..", /^@ and a user's id: an id other than \. and \.\./],
    ["@", /^@ and a user's id: 1 to 128 characters/],
    ["   ", /^1 to 200 of the characters/],
    [7, /^text: 1 to 200/],
  ])("the channel %p", (value, rule) => {
    expect(parseChannelName(value)).toBeUndefined();
    expect(channelNameRuleFor(value)).toMatch(rule);
  });

  test.each([
    [123, /^text of 1 to 128 characters/],
    [undefined, /^text of/],
    ["..", /no URL can contain/],
    ["\ud800", /half of a surrogate pair/],
    ["", /^1 to 128 characters/],
  ])("the user %p", (value, rule) => {
    expect(parseUserId(value)).toBeUndefined();
    expect(userIdRuleFor(value)).toMatch(rule);
  });
});
