import { describe, expect, test } from "bun:test";
import { isSecretName, makeRedactor } from "./redact.ts";

const jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1MSJ9.c2lnbmF0dXJl";

describe("a log text loses", () => {
  const redact = makeRedactor(["our-own-key-0123456789", "short"]);

  test.each([
    ["a token anywhere", `refused ${jwt}!`, "refused [secret]!"],
    ["the text after Bearer", "Authorization: Bearer 0123456789abcdef", "Authorization: Bearer [secret]"],
    ["a token in a URL", "GET /ws?user_id=u1&token=abc.def HTTP", "GET /ws?user_id=u1&token=[secret] HTTP"],
    ["a key in a URL", "/x?api_key=abc&y=1", "/x?api_key=[secret]&y=1"],
    ["a password in a URL", "redis://user:pa:ss@host:6379/0", "redis://user:[secret]@host:6379/0"],
    ["a password without a user", "redis://:geheim@host", "redis://:[secret]@host"],
    ["the API key header", "x-api-key: abcdef", "x-api-key: [secret]"],
    ["the token's subprotocol", "fanfare.v1, fanfare.token.nonsense", "fanfare.v1, fanfare.token.[secret]"],
    ["the server's own keys", "got our-own-key-0123456789.", "got [secret]."],
  ])("%s", (_, text, clean) => {
    expect(redact(text)).toBe(clean);
  });

  test.each([["a short story"], ["ws://127.0.0.1:8000/ws"], ["user@example.com"], ["the token expired"], ["eyJ"]])(
    "nothing if it contains no secret: %s",
    (text) => {
      expect(redact(text)).toBe(text);
    },
  );

  // A pattern that backtracks would not finish before the test times out.
  test.each([["eyJ-"], ["a."], ["x://y:"], ["Bearer "], ["a://"]])(
    "and is processed in linear time: many of %s",
    (piece) => {
      const text = piece.repeat(1_000_000);
      expect(redact(text)).toBe(text);
    },
  );
});

test("values are secret because of their field names too", () => {
  for (const name of ["token", "Authorization", "api_key", "apiKeys", "jwtSecret", "X-API-Key", "cookie"]) {
    expect(isSecretName(name)).toBe(true);
  }
  for (const name of ["tokens_used", "key", "message", "sender"]) expect(isSecretName(name)).toBe(false);
});

test("a secret has at least eight characters: shorter ones would hide ordinary words", () => {
  const redact = makeRedactor(["12345678", "1234567x", "abcdefg"]);
  expect(redact("12345678 1234567x abcdefg")).toBe("[secret] [secret] abcdefg");
});
