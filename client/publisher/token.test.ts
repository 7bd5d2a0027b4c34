import { expect, test } from "bun:test";
import { jwtVerify } from "jose";
import { createToken } from "./token.ts";

const secret = "a-secret-of-a-test-that-is-long-enough";

test("a token names the user, the grants and its end, and verifies with the secret", async () => {
  const nowMs = Date.UTC(2026, 0, 1);
  const options = { userId: "ülrike", secret, expiresInS: 60, subscribe: ["room:*"], info: { name: "Ü" } };
  const token = await createToken(options, nowMs);
  const key = new TextEncoder().encode(secret);
  const { payload } = await jwtVerify(token, key, { algorithms: ["HS256"], currentDate: new Date(nowMs) });
  expect(payload).toEqual({
    sub: "ülrike",
    iat: nowMs / 1000,
    exp: nowMs / 1000 + 60,
    subscribe: ["room:*"],
    info: { name: "Ü" },
  });
});

test.each([
  [{ userId: "u", secret: "short" }, "secret: expected at least 32 bytes, got 5"],
  [
    { userId: "u", secret: "change-me-jwt-secret-0123456789abcdef" },
    "secret: expected a random secret, got a placeholder from an example",
  ],
  [{ userId: "", secret }, "userId: expected the user's id"],
  [{ userId: "u", secret, expiresInS: 0 }, "expiresInS: expected a number of seconds above 0, got 0"],
])("a token is not made from %p", async (options, message) => {
  await expect(createToken(options)).rejects.toThrow(message);
});
