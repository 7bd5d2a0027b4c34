import { describe, expect, test } from "bun:test";
import { isSecretName, makeRedactor } from "./redact.ts";

const jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1MSJ9.c2lnbmF0dXJl";

describe("a text of the log loses", () => {
  const redact = makeRedactor(["our-own-key-0123456789", "short"]);

  test.each([
    ["a token anywhere", `refused ${jwt}!`, "refused [secret]!"],
    ["what follows Bearer", "Authorization: Bearer 0123456789abcdef", "Authorization: Bearer [secret]"],
    ["a token in an address", "GET /ws?user_id=u1&token=abc.def HTTP", "GET /ws?user_id=u1&token=[secret] HTTP"],
    ["a key in an address", "/x?api_key=abc&y=1", "/x?api_key=[secret]&y=1"],
    ["a password in an address", "redis://user:pa:ss@host:6379/0", "redis://user:[secret]@host:6379/0"],
    ["a password without a user", "redis://:geheim@host", "redis://:[secret]@host"],
    ["the header of a key", "x-api-key: abcdef", "x-api-key: [secret]"],
    ["the subprotocol of a token", "fanfare.v1, fanfare.token.nonsense", "fanfare.v1, fanfare.token.[secret]"],
    ["the server's own keys", "got our-own-key-0123456789.", "got [secret]."],
  ])("%s", (_, text, clean) => {
    expect(redact(text)).toBe(clean);
  });

  test.each([["a short story"], ["ws://127.0.0.1:8000/ws"], ["user@example.com"], ["the token expired"], ["eyJ"]])(
    "nothing where there is no secret: %s",
    (text) => {
      expect(redact(text)).toBe(text);
    },
  );

  // A pattern that goes back and forth would not come to an end within the time a test has.
  test.each([["eyJ-"], ["a."], ["x://y:"], ["Bearer "], ["a://"]])("and no text makes it slow: many of %s", (piece) => {
    const text = piece.repeat(1_000_000);
    expect(redact(text)).toBe(text);
  });
});

test("values are secret by their names too", () => {
  for (const name of ["token", "Authorization", "api_key", "apiKeys", "jwtSecret", "X-API-Key", "cookie"]) {
    expect(isSecretName(name)).toBe(true);
  }
  for (const name of ["tokens_used", "key", "message", "sender"]) expect(isSecretName(name)).toBe(false);
});

test("a secret counts from eight characters on: shorter ones would blot out ordinary words", () => {
  const redact = makeRedactor(["12345678", "1234567x", "abcdefg"]);
  expect(redact("12345678 1234567x abcdefg")).toBe("[secret] [secret] abcdefg");
});
