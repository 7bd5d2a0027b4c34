import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { jwtSecretFault, weaknessOf } from "./weak-secret.ts";

test.each([
  ["a".repeat(32), /fewer than 6 different/],
  ["abcabcabdabcabcd", /fewer than 6 different/],
  ["passwordpassword", /8 characters that are repeated/],
  ["PasswordpassWord", /8 characters that are repeated/],
  ["changemechangeme", /a placeholder/],
  ["x7Kq2mPzx7Kq2mPzx7K", /8 characters that are repeated/],
  ["1234567890123456", /consecutive characters/],
  ["0123456789abcdef", /consecutive characters/],
  ["fedcba9876543210", /consecutive characters/],
  ["abcdefghijklmnopqrstuvwxyzabcdef", /consecutive characters/],
  ["1111222233334567", /consecutive characters/],
  ["changeme12345678", /a placeholder/],
  ["change-me-jwt-secret-0123456789abcdef", /a placeholder/],
  ["Ab3x9KqLmP-CHANGE_ME-zR7tYw2Q", /a placeholder/],
  ["your-256-bit-secret", /a placeholder/],
  ["a-string-secret-at-least-256-bits-long", /a placeholder/],
  ["<your api key of sixteen characters>", /a placeholder/],
  ["put-the-secret-here-before-you-start", /a placeholder/],
  ["replace-with-openssl-rand-hex-32", /a placeholder/],
  ["super-secret-jwt-key-1234567890", /well-known words/],
  ["Secret-Password-123456", /well-known words/],
  ["qwertyuiopasdfghjkl", /well-known words/],
  [String.fromCharCode(...Array.from({ length: 32 }, (_, index) => index)), /consecutive characters/],
])("%p is weak", (secret, reason) => {
  expect(weaknessOf(secret)).toMatch(reason);
});

test.each([
  ["MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
  ["77b2c0de93a14f6508"],
  ["x7Kq2mPzx7Kq2mP"], // one character less than two repetitions
  ["correct horse battery staple"],
])("%p is not", (secret) => {
  expect(weaknessOf(secret)).toBeUndefined();
});

test("random keys are not weak", () => {
  const hexadecimal = (seed: number) => createHash("sha256").update(String(seed)).digest("hex");
  const weak = Array.from({ length: 5000 }, (_, seed) => hexadecimal(seed).slice(0, 24)).filter(weaknessOf);
  expect(weak).toEqual([]);
});

test("a long text takes linear time: a million characters are judged at once", () => {
  expect(weaknessOf(`${"abcdefgh".repeat(125_000)}z`)).toBeUndefined();
});

test.each([
  ["x7Kq2mPz".repeat(4).slice(0, 31), "expected at least 32 bytes, got 31"],
  ["change-me-jwt-secret-0123456789abcdef", "expected a random secret, got a placeholder"],
])("the token secret %p is refused", (secret, rule) => {
  expect(jwtSecretFault(secret)).toStartWith(rule);
});

test("a token secret of 32 bytes is accepted, even with non-Latin letters", () => {
  expect(["MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "é1ü2ß3ñ4ç5ø6å7æ8ö9ä0ì"].map(jwtSecretFault)).toEqual([
    undefined,
    undefined,
  ]);
});
