import { describe, expect, test } from "bun:test";
import { fc } from "../tests/property.ts";
import { everyone, isServerChannel, parseChannelName, parseUserId, userChannel, userOf } from "./channel-name.ts";
import { limits } from "./limits.ts";

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-=@,.;:/";

describe("parseChannelName", () => {
  test("takes every character of its alphabet", () => {
    expect<string | undefined>(parseChannelName(`x${alphabet}`)).toBe(`x${alphabet}`);
    expect(parseChannelName(everyone)).toBe(everyone);
  });

  test("refuses every ASCII character outside its alphabet", () => {
    const others = Array.from({ length: 128 }, (_, code) => String.fromCharCode(code)).filter(
      (char) => !alphabet.includes(char),
    );
    expect(others.filter((char) => parseChannelName(`room${char}`) !== undefined)).toEqual([]);
    expect(others.filter((char) => parseChannelName(`${char}room`) !== undefined)).toEqual([]);
  });

  test.each([
    ["one character", "r", true],
    ["as many characters as it may have", "r".repeat(limits.channelNameLength), true],
    ["one character too many", "r".repeat(limits.channelNameLength + 1), false],
    ["no character", "", false],
    ["a letter outside ASCII", "straße", false],
    ["a line break at its end", "room\n", false],
    ["the star of patterns", "room:*", false],
    ["a server's own name", "#members", false],
    ["another of the server's own names", "$schedule", false],
    ["an @ and no user", "@", false],
    ["a personal channel with as long an id as there may be", `@${"u".repeat(limits.userIdLength)}`, true],
    ["a personal channel with an id too long", `@${"u".repeat(limits.userIdLength + 1)}`, false],
    ["a personal channel with letters that plain ones may not have", "@Zoë Müller ☃", true],
    ["a personal channel with a control character", "@u\u0007", false],
  ])("decides about a name with %s", (_, name, accepted) => {
    expect(parseChannelName(name) !== undefined).toBe(accepted);
  });

  test.each([[undefined], [null], [7], [true], [{}], [["all"]]])("refuses %p, which is no text", (value) => {
    expect(parseChannelName(value)).toBeUndefined();
  });

  test("never changes a name that it takes", () => {
    const name = fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: fc.constantFrom(...alphabet) }));
    fc.assert(fc.property(name, (text) => expect([text, undefined]).toContain(parseChannelName(text) as string)));
  });

  test("never takes a name that is the server's own", () => {
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
    ["as many characters as it may have", "u".repeat(limits.userIdLength), true],
    ["one character too many", "u".repeat(limits.userIdLength + 1), false],
    ["no character", "", false],
    ["spaces, signs and letters of any script", "Zoë ~ 山田 😀 @#$%", true],
    ["half of a surrogate pair", "u\ud83d", false],
    ["the other half of a surrogate pair", "\ude00u", false],
  ])("decides about an id with %s", (_, id, accepted) => {
    expect(parseUserId(id)).toBe(accepted ? id : undefined);
  });

  test("refuses every control character, and both line separators of Unicode", () => {
    const controls = [...Array(0x20).keys(), ...Array.from({ length: 0x21 }, (_, at) => 0x7f + at), 0x2028, 0x2029];
    expect(controls.filter((code) => parseUserId(`u${String.fromCharCode(code)}`) !== undefined)).toEqual([]);
  });

  test.each([[undefined], [null], [42], [{}], [[]]])("refuses %p, which is no text", (value) => {
    expect(parseUserId(value)).toBeUndefined();
  });
});

describe("userChannel", () => {
  test("is a name that clients may write, and that leads back to its user", () => {
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

  test.each(["all", "room:@u1", "", "@"])("has no user in %p", (channel) => {
    expect(userOf(channel)).toBeUndefined();
  });
});
